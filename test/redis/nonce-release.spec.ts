import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { RELEASE_NONCE_LUA } from '../../lib/redis/lua/nonce.lua.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import { RedisMemory } from '../../lib/redis/redis-memory.js';
import { RedisNonceStore } from '../../lib/redis/redis-nonce-store.js';
import { RedisUnavailableError } from '../../lib/redis/redis-unavailable.error.js';
import type { Script } from '../../lib/redis/script.js';
import type { ScriptBatch } from '../../lib/redis/script-batch.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const unavailable = () => new RedisUnavailableError('no answer');

describeWithRedis('the release of a nonce whose use was not answered', () => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = server.client();
  });

  afterAll(async () => {
    await server.close();
  });

  it('accepts the event that the client sends again while a release fails', async () => {
    let isAnswered = true;
    const failures: (() => void)[] = [];
    const run = async ({ lua }: Script, keys: string[], args: (string | number)[]) => {
      if (!isAnswered && lua === RELEASE_NONCE_LUA)
        // Redis does not receive it.
        return new Promise((_, reject) =>
          failures.push(() => {
            reject(unavailable());
          }),
        );
      const reply = await redis.eval(lua, keys.length, ...keys, ...args);
      if (isAnswered) return reply;
      throw unavailable();
    };
    const batch = { run, runFirst: run, generation: 0 } as unknown as ScriptBatch;
    const [clock, keys] = [new SystemClock(), new RedisKeys('release:')];
    const memory = new RedisMemory(batch, keys, clock, { clockDrift: 0, isCluster: false });
    const options = { clockDrift: 0, clockProblem: () => undefined };
    const store = new RedisNonceStore(batch, keys, memory, clock, options);
    await memory.ready();
    const madeAt = Date.now();
    const use = () => store.useNonce('key', 'nonce', madeAt + 60_000, madeAt);

    isAnswered = false;
    await expect(use()).rejects.toThrow('no answer');
    const released = store.releaseUnanswered(-1);
    isAnswered = true;
    const again = use();
    for (const fail of failures) fail();
    await released;
    expect(failures).toHaveLength(1);
    expect(await again).toBe(true);
    expect(await use()).toBe(false);
  });
});
