import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { RELEASE_NONCE_LUA, USE_NONCES_LUA } from '../../lib/redis/lua/nonce.lua.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import { RedisMemory } from '../../lib/redis/redis-memory.js';
import { RedisNonceStore } from '../../lib/redis/redis-nonce-store.js';
import { RedisUnavailableError } from '../../lib/redis/redis-unavailable.error.js';
import type { Script } from '../../lib/redis/script.js';
import type { ScriptBatch } from '../../lib/redis/script-batch.js';
import { eventually } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const unavailable = () => new RedisUnavailableError('no answer');

describeWithRedis('a nonce whose use was not answered', () => {
  let server: RedisServer;
  let redis: Redis;
  let prefixes = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = server.client();
  });

  afterAll(async () => {
    await server.close();
  });

  /** A store whose scripts a test answers. */
  const start = async (
    run: (send: () => Promise<unknown>, script: Script) => Promise<unknown>,
    prefix = `${prefixes++}:`,
  ) => {
    const answer = async (
      script: Script,
      keys: string[],
      given: (string | number)[] | (() => (string | number)[]),
    ) => {
      await Promise.resolve();
      const args = typeof given === 'function' ? given() : given;
      return run(() => redis.eval(script.lua, keys.length, ...keys, ...args), script);
    };
    const batch = { run: answer, generation: 0 };
    const [clock, keys] = [new SystemClock(), new RedisKeys(prefix)];
    const given = batch as unknown as ScriptBatch;
    const memory = new RedisMemory(given, keys, clock, { clockDrift: 0, isCluster: false });
    const options = { clockDrift: 0, clockProblem: () => undefined };
    const store = new RedisNonceStore(given, keys, memory, clock, options);
    await memory.ready();
    const madeAt = Date.now();
    return { store, batch, use: () => store.useNonce('key', 'nonce', madeAt + 60_000, madeAt) };
  };

  it('accepts the event that the client sends again while a release fails', async () => {
    let isAnswered = true;
    const failures: (() => void)[] = [];
    const { store, use } = await start(async (send, { lua }) => {
      if (!isAnswered && lua === RELEASE_NONCE_LUA)
        // Redis does not receive it.
        return new Promise((_, reject) =>
          failures.push(() => {
            reject(unavailable());
          }),
        );
      const reply = await send();
      if (isAnswered) return reply;
      throw unavailable();
    });

    isAnswered = false;
    await expect(use()).rejects.toThrow('no answer');
    const released = store.releaseUnanswered(-1);
    const again = use();
    await eventually(() => failures.length > 0);
    isAnswered = true;
    for (const fail of failures) fail();
    await released;
    expect(failures).toHaveLength(1);
    expect(await again).toBe(true);
    expect(await use()).toBe(false);
  });

  it('accepts the event that the client sends again after its answer could not be trusted', async () => {
    let isUp = true;
    const { batch, use } = await start(async (send, { lua }) => {
      if (!isUp) throw unavailable();
      const reply = await send();
      if (lua !== USE_NONCES_LUA || batch.generation > 0) return reply;
      // Another node of the cluster is lost before the answer arrives, so the memory cannot be checked.
      batch.generation++;
      isUp = false;
      return reply;
    });

    await expect(use()).rejects.toThrow('no answer');
    isUp = true;
    expect(await use()).toBe(true);
    expect(await use()).toBe(false);
  });

  it('is no replay while its first use is undecided, even if the client has already sent the event again', async () => {
    let fail: (() => void) | undefined;
    const { use } = await start(async (send, { lua }) => {
      const reply = await send();
      if (lua !== USE_NONCES_LUA || fail) return reply;
      return new Promise((_, reject) => {
        fail = () => {
          reject(unavailable());
        };
      });
    });

    const uses = [use(), use()].map(async used => used.catch(() => 'unavailable'));
    await eventually(() => fail !== undefined);
    fail?.();
    expect(await Promise.all(uses)).toEqual(['unavailable', 'unavailable']);
    expect(await use()).toBe(true);
    expect(await use()).toBe(false);
  });

  it('is no replay if the rate limit of its first use decides later, and rejects it', async () => {
    const { store, use } = await start(send => send());
    let decide: ((isAdmitted: boolean) => void) | undefined;
    const admitted = new Promise<boolean>(resolve => (decide = resolve));
    const madeAt = Date.now();

    const limited = store.useNonceIf(admitted, 'key', 'nonce', madeAt + 60_000, madeAt);
    const again = use();
    decide?.(false);
    expect(await limited).toBe(false);
    expect(await again).toBe(true);
    expect(await use()).toBe(false);
  });

  it('stays used if another node has used it before the release', async () => {
    let isUp = true;
    const lost = await start(async send => {
      if (isUp) return send();
      // Redis does not receive it.
      throw unavailable();
    }, 'shared:');
    const other = await start(send => send(), 'shared:');

    isUp = false;
    await expect(lost.use()).rejects.toThrow('no answer');
    isUp = true;
    expect(await other.use()).toBe(true);
    await lost.store.releaseUnanswered(-1);
    expect(await other.use()).toBe(false);
    expect(await lost.use()).toBe(false);
  });
});
