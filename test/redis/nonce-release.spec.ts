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

  /** A store whose calls reach Redis, are lost, or wait until the test sends them. */
  const startOnFaultyNetwork = async (prefix?: string) => {
    const network = { isDown: false, late: [] as (() => Promise<unknown>)[] };
    const started = await start(async (send, { lua }) => {
      if (!network.isDown) return send();
      if (lua === USE_NONCES_LUA || lua === RELEASE_NONCE_LUA) network.late.push(send);
      throw unavailable();
    }, prefix);
    return { ...started, network };
  };

  it('stays used by the event that the client sent again, though a release arrives late', async () => {
    let isAnswered = true;
    let isLate = false;
    const late: (() => Promise<unknown>)[] = [];
    const { store, use } = await start(async (send, { lua }) => {
      if (isAnswered) return send();
      if (isLate && lua === RELEASE_NONCE_LUA) late.push(send);
      else await send();
      throw unavailable();
    });

    isAnswered = false;
    await expect(use()).rejects.toThrow('no answer');
    // The release waits in a connection that the node has replaced.
    isLate = true;
    await store.releaseUnanswered(-1);
    isAnswered = true;
    expect(await use()).toBe(true);
    expect(late).toHaveLength(1);
    for (const send of late) await send();
    expect(await use()).toBe(false);
  });

  it('is free for the event that the client sends again, though its first call arrives after the release', async () => {
    const { store, network, use } = await startOnFaultyNetwork('late-use:');
    const other = await start(send => send(), 'late-use:');
    network.isDown = true;
    await expect(use()).rejects.toThrow('no answer');
    network.isDown = false;
    await store.releaseUnanswered(-1);
    expect(network.late).toHaveLength(1);
    for (const send of network.late) await send();
    expect(await other.use()).toBe(true);
    expect([await use(), await other.use()]).toEqual([false, false]);
  });

  it('is free for one of several copies of its event that arrived together', async () => {
    let isAnswered = true;
    const { use } = await start(async send => {
      const reply = await send();
      if (isAnswered) return reply;
      throw unavailable();
    });
    isAnswered = false;
    const copies = await Promise.allSettled(Array.from({ length: 100 }, use));
    expect(copies.map(({ status }) => status)).toEqual(Array.from(copies, () => 'rejected'));
    isAnswered = true;
    const again = await Promise.all(Array.from({ length: 100 }, use));
    expect(again.filter(Boolean)).toHaveLength(1);
  });

  it('is released when its node shuts down', async () => {
    let isAnswered = true;
    const ending = await start(async send => {
      const reply = await send();
      if (isAnswered) return reply;
      throw unavailable();
    }, 'ending:');
    const other = await start(send => send(), 'ending:');
    isAnswered = false;
    await expect(ending.use()).rejects.toThrow('no answer');
    isAnswered = true;
    await ending.store.close();
    expect([await other.use(), await other.use()]).toEqual([true, false]);
  });

  it('is accepted at most once, and never burnt, however calls are lost, late and repeated', async () => {
    const random = seeded(20_261_130);
    for (let round = 0; round < 300; round++) {
      const prefix = `random-${round}:`;
      const late: (() => Promise<unknown>)[] = [];
      let isDown = false;
      const node = () =>
        start(async send => {
          const fate = isDown ? random() : 1;
          if (fate < 0.3) late.push(send);
          if (fate < 0.5) throw unavailable();
          const reply = await send();
          if (fate < 0.6) await send();
          if (fate < 0.9) late.push(send);
          if (fate < 0.9) throw unavailable();
          return reply;
        }, prefix);
      const nodes = [await node(), await node()];
      let accepted = 0;
      const step = async () => {
        const { use, store } = nodes[random() < 0.8 ? 0 : 1]!;
        const choice = random();
        if (choice < 0.5) {
          if (await use().catch(() => false)) accepted++;
        } else if (choice < 0.75) await store.releaseUnanswered(-1);
        else await late.splice(Math.floor(random() * late.length), 1)[0]?.();
        expect(accepted).toBeLessThan(2);
      };
      isDown = true;
      for (let steps = 0; steps < 12; steps++) await step();
      isDown = false;
      for (const { store } of nodes) await store.releaseUnanswered(-1);
      while (late.length > 0) await late.shift()!();
      for (const { store } of nodes) await store.releaseUnanswered(-1);
      if (await nodes[round % 2]!.use()) accepted++;
      expect({ round, accepted }).toEqual({ round, accepted: 1 });
    }
  });
});

/** A generator of random numbers from 0 to 1 that returns the same ones in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
