import { tokenBucket } from '../../lib/rate-limit/index.js';
import type { Revocation } from '../../lib/connection/index.js';
import { BlockedKeys } from '../../lib/redis/blocked-keys.js';
import { RedisEpoch } from '../../lib/redis/redis-epoch.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import type { RedisLink } from '../../lib/redis/redis-link.js';
import { MAX_KEPT, RedisRevocationBus } from '../../lib/redis/redis-revocation-bus.js';
import { RememberedNonces } from '../../lib/redis/remembered-nonces.js';
import { MAX_UNANSWERED, type ScriptBatch } from '../../lib/redis/script-batch.js';
import { FakeClock } from '../helpers/fake-clock.js';

/** What a Redis that does not answer looks like to who asks it. */
const never = new Promise<never>(() => undefined);
const silent = { runFirst: () => never } as unknown as ScriptBatch;
const keys = new RedisKeys('');

describe('BlockedKeys', () => {
  const BUCKET = tokenBucket({ rate: 1, burst: 10 });
  const refused = { allowed: false, remaining: 2, retryAfter: 3_000, resetAfter: 8_000 };

  it('refuses until shortly before the request would pass, counting down', () => {
    const keys = new BlockedKeys(10);
    keys.note('key', BUCKET, 5, refused, 1_000);
    expect(keys.refusal('key', BUCKET, 5, 2_000)).toEqual({
      allowed: false,
      remaining: 2,
      retryAfter: 2_000,
      resetAfter: 7_000,
    });
    expect(keys.refusal('key', BUCKET, 5, 3_998)).toBeDefined();
    expect(keys.refusal('key', BUCKET, 5, 3_999)).toBeUndefined();
    expect(keys.size).toBe(0);
  });

  it('knows nothing of cheaper requests, of other limits and other keys', () => {
    const keys = new BlockedKeys(10);
    keys.note('key', BUCKET, 5, refused, 0);
    expect(keys.refusal('key', BUCKET, 4, 0)).toBeUndefined();
    expect(keys.refusal('key', tokenBucket({ rate: 2, burst: 10 }), 5, 0)).toBeUndefined();
    expect(keys.refusal('other', BUCKET, 5, 0)).toBeUndefined();
    expect(keys.refusal('key', BUCKET, 7, 0)?.retryAfter).toBe(5_000);
  });

  it('holds no more keys than it may, and gives up the oldest', () => {
    const keys = new BlockedKeys(100);
    for (let key = 0; key < 1_000; key++) keys.note(`${key}`, BUCKET, 5, refused, 0);
    expect(keys.size).toBe(100);
    expect(keys.refusal('999', BUCKET, 5, 0)).toBeDefined();
    expect(keys.refusal('0', BUCKET, 5, 0)).toBeUndefined();
  });

  it('forgets a key when it is told to', () => {
    const keys = new BlockedKeys(10);
    keys.note('key', BUCKET, 5, refused, 0);
    keys.forget('key');
    expect(keys.refusal('key', BUCKET, 5, 0)).toBeUndefined();
  });
});

describe('RememberedNonces', () => {
  const all = (nonces: RememberedNonces, now: number) =>
    [...nonces.chunks(7, now, () => true)].flat().map(({ key }) => key);
  const nonce = (key: number, expiresAt: number, madeAt?: number) => ({
    key: `${key}`,
    expiresAt,
    madeAt,
  });

  it('hands out, chunk by chunk, what has not expired', () => {
    const nonces = new RememberedNonces(100);
    for (let key = 0; key < 20; key++) nonces.add(nonce(key, 1_000 + key), 0);
    expect([...nonces.chunks(7, 0, () => true)].map(chunk => chunk.length)).toEqual([7, 7, 6]);
    expect(all(nonces, 1_010)).toEqual(Array.from({ length: 10 }, (_, key) => `${key + 10}`));
    expect(nonces.has('9', 1_010)).toBe(false);
    expect(nonces.has('10', 1_010)).toBe(true);
  });

  it('hands out only what is wanted', () => {
    const nonces = new RememberedNonces(100);
    for (let key = 0; key < 20; key++) nonces.add(nonce(key, 1_000, key), 0);
    const wanted = [...nonces.chunks(7, 0, ({ madeAt = 0 }) => madeAt > 15)].flat();
    expect(wanted.map(({ key }) => key)).toEqual(['16', '17', '18', '19']);
  });

  it('holds about as many as are alive, in a time that does not grow', () => {
    const nonces = new RememberedNonces(1_000_000);
    let largest = 0;
    for (let now = 0; now < 200_000; now++) {
      nonces.add(nonce(now, now + 1_000), now);
      largest = Math.max(largest, nonces.size);
    }
    expect(largest).toBeLessThan(1_010);
  });

  it('holds no more than it may, and gives up the oldest', () => {
    const nonces = new RememberedNonces(100);
    for (let key = 0; key < 100_000; key++) nonces.add(nonce(key, 1_000), 0);
    expect(nonces.size).toBe(100);
    expect(all(nonces, 0)).toContain('99999');
    expect(nonces.has('0', 0)).toBe(false);
  });
});

describe('RedisEpoch', () => {
  it('has no more events wait for a memory to settle than it may', async () => {
    const epoch = new RedisEpoch(silent, keys, new FakeClock(), 1_000);
    for (let event = 0; event < MAX_UNANSWERED; event++) void epoch.known();
    await expect(epoch.known()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  });
});

describe('RedisRevocationBus', () => {
  it('knows no more revocations than are kept, and gives up the oldest', () => {
    const link = {
      onUp: () => undefined,
      exchange: () => never,
      health: { status: 'down' },
    } as unknown as RedisLink;
    const clock = new FakeClock();
    const epoch = new RedisEpoch(silent, keys, clock, 1_000);
    const bus = new RedisRevocationBus(link, silent, keys, 'node', epoch, clock);
    const revocation = (id: string): Revocation => ({
      kind: 'session',
      id,
      code: 'REVOKED',
      at: 0,
    });
    for (let ended = 0; ended < MAX_KEPT + 500; ended++) bus.publish(revocation(`${ended}`));
    const heard: string[] = [];
    bus.subscribe(({ id }) => heard.push(id));
    expect(heard).toHaveLength(MAX_KEPT);
    expect(heard[0]).toBe('500');
    bus.close();
  });
});
