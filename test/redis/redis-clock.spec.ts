import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import { RedisMemory } from '../../lib/redis/redis-memory.js';
import { RedisNonceStore } from '../../lib/redis/redis-nonce-store.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { batchWithOffset } from '../helpers/redis-time.js';

const DRIFT = 50;
const MINUTE = 60_000;
const SHORTEN = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end`;

describeWithRedis('a jump of the Redis clock', () => {
  let server: RedisServer;
  let redis: Redis;
  let offset = 0;
  let prefixes = 0;

  beforeAll(async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    server = await RedisServer.start();
    redis = server.client();
  });

  afterAll(async () => {
    await server.close();
  });

  const newNode = (prefix: string) => {
    const clock = new SystemClock();
    const batch = batchWithOffset(redis, () => offset);
    const keys = new RedisKeys(prefix);
    const memory = new RedisMemory(batch, keys, clock, { clockDrift: DRIFT, isCluster: false });
    const store = new RedisNonceStore(batch, keys, memory, clock, {
      clockDrift: DRIFT,
      clockProblem: () => undefined,
    });
    return { memory, store };
  };
  const use = ({ store }: ReturnType<typeof newNode>, nonce: string, madeAt = Date.now()) =>
    store
      .useNonce('key', nonce, madeAt + MINUTE, madeAt)
      .then(isNew => (isNew ? 'accepted' : 'known'))
      .catch((error: unknown) => (error as { code: string }).code);

  /** Sets the clock of Redis, which shortens the lifetime of keys by the same amount. */
  const jump = async (by: number) => {
    offset += by;
    await redis.eval(SHORTEN, 0, by);
  };
  const start = async () => {
    const prefix = `${prefixes++}:`;
    const nodes = [newNode(prefix), newNode(prefix)] as const;
    for (const { memory } of nodes) await memory.check();
    await pause(2 * DRIFT);
    return nodes;
  };

  it.each([500, 1_200, 30_000, 10 * MINUTE])(
    'forward by %d ms accepts nothing twice, and accepts fresh events soon after',
    async by => {
      const [here, there] = await start();
      const madeAt = Date.now();
      const nonces = Array.from({ length: 20 }, (_, nonce) => `${nonce}`);
      for (const nonce of nonces) expect(await use(here, nonce, madeAt)).toBe('accepted');
      await jump(by);
      for (const nonce of nonces) expect(await use(there, nonce, madeAt)).not.toBe('accepted');
      await pause(2 * DRIFT);
      expect(await use(there, 'fresh')).toBe('accepted');
      expect(await use(here, 'fresh')).not.toBe('accepted');
    },
  );

  it.each([-500, -1_200, -60 * MINUTE])('back by %d ms rejects no fresh event', async by => {
    const [here, there] = await start();
    const madeAt = Date.now();
    expect(await use(here, 'used', madeAt)).toBe('accepted');
    await jump(by);
    for (const { memory } of [here, there]) await memory.check();
    expect(await use(there, 'fresh')).toBe('accepted');
    expect(await use(here, 'fresh')).toBe('known');
    expect(await use(there, 'used', madeAt)).toBe('known');
  });

  it.each([
    ['back and forward again', -10 * MINUTE],
    ['forward and back again', 10 * MINUTE],
  ])('%s, which no node has noticed, accepts nothing twice', async (_, by) => {
    const [here, there] = await start();
    const before = Date.now();
    expect(await use(here, 'before', before)).toBe('accepted');
    await there.memory.check();
    await jump(by);
    const during = Date.now();
    if (by < 0) expect(await use(here, 'during', during)).toBe('accepted');
    await jump(-by);
    expect(await use(there, 'before', before)).not.toBe('accepted');
    if (by < 0) expect(await use(there, 'during', during)).not.toBe('accepted');
    await pause(2 * DRIFT);
    expect(await use(there, 'fresh')).toBe('accepted');
  });
});
