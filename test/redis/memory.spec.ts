import { tokenBucket } from '../../lib/rate-limit/index.js';
import type { Revocation } from '../../lib/connection/index.js';
import { BlockedKeys } from '../../lib/redis/blocked-keys.js';
import { hashSlot, spreadTags } from '../../lib/redis/hash-slot.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import type { RedisLink } from '../../lib/redis/redis-link.js';
import { RedisMemory } from '../../lib/redis/redis-memory.js';
import { RedisRevocationBus } from '../../lib/redis/redis-revocation-bus.js';
import { MAX_UNANSWERED, type ScriptBatch } from '../../lib/redis/script-batch.js';
import { FakeClock } from '../helpers/fake-clock.js';

/** A Redis that does not answer. */
const never = new Promise<never>(() => undefined);
const silent = { run: () => never } as unknown as ScriptBatch;
const keys = new RedisKeys('');

describe('BlockedKeys', () => {
  const BUCKET = tokenBucket({ rate: 1, burst: 10 });
  const refused = { allowed: false, remaining: 2, retryAfter: 3_000, resetAfter: 8_000 };

  it('rejects until shortly before the request would pass, counting down', () => {
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

  it('does not affect cheaper requests, other limits or other keys', () => {
    const keys = new BlockedKeys(10);
    keys.note('key', BUCKET, 5, refused, 0);
    expect(keys.refusal('key', BUCKET, 4, 0)).toBeUndefined();
    expect(keys.refusal('key', tokenBucket({ rate: 2, burst: 10 }), 5, 0)).toBeUndefined();
    expect(keys.refusal('other', BUCKET, 5, 0)).toBeUndefined();
    expect(keys.refusal('key', BUCKET, 7, 0)?.retryAfter).toBe(5_000);
  });

  it('stores at most its maximum of keys, and drops the oldest', () => {
    const keys = new BlockedKeys(100);
    for (let key = 0; key < 1_000; key++) keys.note(`${key}`, BUCKET, 5, refused, 0);
    expect(keys.size).toBe(100);
    expect(keys.refusal('999', BUCKET, 5, 0)).toBeDefined();
    expect(keys.refusal('0', BUCKET, 5, 0)).toBeUndefined();
  });

  it('drops a key on request', () => {
    const keys = new BlockedKeys(10);
    keys.note('key', BUCKET, 5, refused, 0);
    keys.forget('key');
    expect(keys.refusal('key', BUCKET, 5, 0)).toBeUndefined();
  });
});

describe('RedisMemory', () => {
  it('limits how many events wait for its check', async () => {
    const options = { clockDrift: 1_000, isCluster: false };
    const memory = new RedisMemory(silent, keys, new FakeClock(), options);
    const shard = memory.shardOf('nonce');
    for (let event = 0; event < MAX_UNANSWERED; event++) void memory.checkFor(shard);
    await expect(memory.checkFor(shard)).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  });

  it('spreads nonces over slots that are evenly distributed over the masters of a cluster', () => {
    const tags = spreadTags(12);
    const thirds = [0, 0, 0];
    for (const tag of tags) thirds[Math.floor((hashSlot(tag) * 3) / 16_384)]!++;
    expect(thirds).toEqual([4, 4, 4]);
    // The test vector of the Redis Cluster specification.
    expect(hashSlot('123456789')).toBe(0x31c3);
  });
});

describe('RedisRevocationBus', () => {
  it('keeps every log-out until Redis has stored it, in order', async () => {
    const link = {
      onUp: () => undefined,
      exchange: () => never,
      health: { status: 'down' },
    } as unknown as RedisLink;
    const clock = new FakeClock();
    const bus = new RedisRevocationBus(link, silent, keys, 'node', clock, { lead: 0 });
    const revocation = (id: string): Revocation => ({
      kind: 'session',
      id,
      code: 'REVOKED',
      at: 0,
      until: clock.now() + 1_000,
    });
    for (let ended = 0; ended < 100_000; ended++) bus.publish(revocation(`${ended}`));
    const received: string[] = [];
    bus.subscribe(({ id }) => received.push(id));
    expect(received).toHaveLength(100_000);
    expect(received[0]).toBe('0');
    await bus.close();
  });
});
