import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import {
  InMemoryRateLimitStore,
  type RateLimitDecision,
  TOLERANCE,
  tokenBucket,
} from '../../lib/rate-limit/index.js';
import { leasableOf } from '../../lib/redis/leased-buckets.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import { RedisRateLimitStore } from '../../lib/redis/redis-rate-limit-store.js';
import type { Script } from '../../lib/redis/script.js';
import type { ScriptBatch } from '../../lib/redis/script-batch.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { scriptAt } from '../helpers/redis-time.js';

fc.configureGlobal({ seed: 20_261_128 });

const START = 9e10;

describeWithRedis('nodes that lease tokens', () => {
  let server: RedisServer;
  let redis: Redis;
  let runs = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = server.client();
  });

  afterAll(async () => {
    await server.close();
  });

  /** A node whose scripts run on the real Redis at the time of a fake clock. */
  const newNode = (clock: FakeClock, prefix: string, redisClock = { ahead: 0 }) => {
    const link = { isLost: false, isRepeated: false, calls: 0 };
    const batch = {
      run: async (
        script: Script,
        keys: string[],
        given: (string | number)[] | (() => (string | number)[]),
      ) => {
        await Promise.resolve();
        const args = typeof given === 'function' ? given() : given;
        link.calls++;
        // Keys expire by the real clock.
        const now = clock.monotonic() + redisClock.ahead;
        const lua = scriptAt(now, script.lua).replace(/'PX', .*/, "'PX', 60000)");
        expect(lua).toContain("'PX', 60000");
        if (link.isRepeated) await redis.eval(lua, keys.length, ...keys, ...args);
        const reply = await redis.eval(lua, keys.length, ...keys, ...args);
        if (link.isLost) throw new Error('the answer is lost');
        return reply;
      },
    } as unknown as ScriptBatch;
    const store = new RedisRateLimitStore(batch, new RedisKeys(prefix), clock, 100);
    return { store, link };
  };
  const decide = async (
    node: ReturnType<typeof newNode>,
    bucket: ReturnType<typeof tokenBucket>,
    cost: number,
  ): Promise<RateLimitDecision | undefined> => {
    try {
      return await node.store.take('key', bucket, cost);
    } catch {
      return undefined;
    }
  };

  it('allow nothing that one bucket would reject, and reject at most 4 % of a burst early', async () => {
    const limits = fc.record({
      rate: fc.integer({ min: 1, max: 500 }),
      burst: fc.integer({ min: 1, max: 500 }),
    });
    const step = fc.record({
      node: fc.nat(3),
      wait: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(700)),
      requests: fc.integer({ min: 1, max: 12 }),
      cost: fc.integer({ min: 1, max: 3 }),
      fault: fc.nat(30),
    });
    const steps = fc.array(step, { minLength: 20, maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(limits, steps, fc.boolean(), async (limit, steps, hasFaults) => {
        const bucket = tokenBucket(limit);
        const clock = new FakeClock();
        clock.advance(START);
        const one = new InMemoryRateLimitStore(10, clock);
        const prefix = `${runs++}:`;
        const nodes = [0, 1, 2, 3].map(() => newNode(clock, prefix));
        const early = 2 * leasableOf(bucket) + 1 + 2 * TOLERANCE;
        for (const { node: index, wait, requests, cost, fault } of steps) {
          clock.advance(wait);
          const node = nodes[index] as ReturnType<typeof newNode>;
          const isFault = hasFaults && fault < 2;
          // A node that crashes returns nothing. One that stops returns its tokens.
          if (isFault && fault === 1) nodes[index] = newNode(clock, prefix);
          else if (hasFaults && fault === 2) await node.store.close();
          node.link.isLost = isFault;
          const tokens = Math.min(cost, limit.burst);
          const decisions = Array.from({ length: requests }, () => decide(node, bucket, tokens));
          for (const decision of await Promise.all(decisions)) {
            if (!decision) continue;
            if (decision.allowed) expect(one.take('key', bucket, tokens).allowed).toBe(true);
            else if (!hasFaults) {
              const { remaining } = one.take('key', bucket, limit.burst);
              expect(remaining).toBeLessThan(tokens + early);
            }
          }
        }
        await Promise.all(nodes.map(({ store }) => store.close()));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  /**
   * A node whose calls and replies wait on the way. Keys expire by the fake clock. `used` is called when a request is allowed: by the
   * node when it uses a leased token, and otherwise by Redis.
   */
  const newDistantNode = (clock: FakeClock, prefix: string, used: (cost: number) => void) => {
    type Given = (string | number)[] | (() => (string | number)[]);
    interface Call {
      lua: string;
      keys: string[];
      given: Given;
      args?: (string | number)[];
      reply?: unknown;
      answer: (reply: unknown) => void;
      fail: (error: Error) => void;
    }
    let calls: Call[] = [];
    const batch = {
      run: ({ lua }: Script, keys: string[], given: Given) =>
        new Promise((answer, fail) => calls.push({ lua, keys, given, answer, fail })),
    } as unknown as ScriptBatch;
    const store = new RedisRateLimitStore(batch, new RedisKeys(prefix), clock, 100);
    const execute = async ({ lua, keys, args = [] }: Call, noteUse = used) => {
      const now = clock.monotonic();
      const timed = scriptAt(now, lua).replace(
        /'PX', (.*)\)/,
        "'PX', 60000) redis.call('SET', key .. ':expiry', now + $1)",
      );
      expect(timed).toContain(':expiry');
      const expire = `
        if tonumber(redis.call('GET', KEYS[1] .. ':expiry') or 0) <= ${now} then redis.call('DEL', KEYS[1]) end
      `;
      const reply = (await redis.eval(expire + timed, keys.length, ...keys, ...args)) as [string];
      const costs = args.slice(7).map(Number);
      costs.forEach((cost, index) => {
        if (reply[0][index] === '1') noteUse(cost);
      });
      return reply;
    };
    return {
      take: (bucket: ReturnType<typeof tokenBucket>, cost: number) => {
        const decision = store.take('key', bucket, cost);
        if (decision instanceof Promise) decision.catch(() => undefined);
        else if (decision.allowed) used(cost);
      },
      send: () => {
        for (const call of calls)
          call.args ??= typeof call.given === 'function' ? call.given() : call.given;
      },
      arrive: async () => {
        for (const call of calls) if (call.args) call.reply ??= await execute(call);
      },
      /** The answers are lost, and ioredis sends the calls again: they arrive once more. */
      arriveUnanswered: async () => {
        for (const call of calls)
          if (call.args && !call.reply) await execute(call, () => undefined);
      },
      answer: async () => {
        for (const { reply, answer } of calls) if (reply !== undefined) answer(reply);
        calls = calls.filter(({ reply }) => reply === undefined);
        await nextTurn();
      },
      /** Calls without an answer may have been executed. */
      disconnect: async () => {
        for (const { fail } of calls) fail(new Error('the connection is lost'));
        calls = [];
        await nextTurn();
      },
      close: () => void store.close(),
    };
  };

  it('allow nothing that one bucket would reject, however late calls and replies arrive, and however often calls are repeated', async () => {
    // The store renews leases at intervals of the fake clock.
    jest.useFakeTimers({
      doNotFake: [
        ...([
          'Date',
          'hrtime',
          'performance',
          'nextTick',
          'queueMicrotask',
          'setImmediate',
        ] as const),
        ...(['clearImmediate', 'setTimeout', 'clearTimeout'] as const),
      ],
    });
    const limits = fc.record({
      rate: fc.constantFrom(10, 100, 1_000),
      burst: fc.constantFrom(50, 100, 200),
    });
    const step = fc.record({
      node: fc.nat(2),
      wait: fc.oneof(fc.constant(0), fc.nat(60), fc.nat(700)),
      requests: fc.oneof(fc.nat(8), fc.constant(250)),
      cost: fc.integer({ min: 1, max: 2 }),
      delay: fc.nat(9),
      fault: fc.nat(40),
    });
    const steps = fc.array(step, { minLength: 20, maxLength: 80 });
    try {
      await fc.assert(
        fc.asyncProperty(limits, steps, async (limit, steps) => {
          const bucket = tokenBucket(limit);
          const clock = new FakeClock();
          clock.advance(START);
          const one = new InMemoryRateLimitStore(10, clock);
          const used = (cost: number) => {
            expect(one.take('key', bucket, cost).allowed).toBe(true);
          };
          const prefix = `${runs++}:`;
          const newNode = () => newDistantNode(clock, prefix, used);
          const nodes = [newNode(), newNode(), newNode()];
          for (const { node: index, wait, requests, cost, delay, fault } of steps) {
            clock.advance(wait);
            jest.advanceTimersByTime(wait);
            const node = nodes[index]!;
            for (let request = 0; request < requests; request++) node.take(bucket, cost);
            node.send();
            if (fault > 35) await node.arriveUnanswered();
            if (delay !== 0) await node.arrive();
            if (delay > 1) await node.answer();
            if (fault === 0) nodes[index] = newNode();
            else if (fault === 1) await node.disconnect();
            else if (fault === 2) node.close();
          }
        }),
        { numRuns: 25 },
      );
    } finally {
      jest.useRealTimers();
    }
  }, 120_000);

  it.each([
    ['nothing happened since', undefined, 1_000],
    ['its key would have expired with the lease', undefined, 1_005],
    ['another node used the bucket since', 600, 1_000],
  ])(
    'allow nothing that one bucket would reject after a node has crashed with a lease: %s',
    async (_, usedAt, takenAt) => {
      const bucket = tokenBucket({ rate: 1_000 });
      const clock = new FakeClock();
      clock.advance(START);
      const start = clock.monotonic();
      const goTo = (time: number) => {
        clock.advance(start + time - clock.monotonic());
      };
      const one = new InMemoryRateLimitStore(10, clock);
      let uses = 0;
      const used = (cost: number) => {
        uses++;
        expect(one.take('key', bucket, cost).allowed).toBe(true);
      };
      const prefix = `${runs++}:`;
      const [crashing, other] = [1, 2].map(() => newDistantNode(clock, prefix, used)) as [
        ReturnType<typeof newDistantNode>,
        ReturnType<typeof newDistantNode>,
      ];
      const exchange = async (node: ReturnType<typeof newDistantNode>) => {
        node.send();
        await node.arrive();
        await node.answer();
      };
      const take = async (cost: number) => {
        other.take({ ...bucket, exact: true }, cost);
        await exchange(other);
      };
      // A lease ends half a second after its request, or as much as half a second later for Redis.
      goTo(499);
      for (let request = 0; request < 20; request++) crashing.take(bucket, 1);
      await exchange(crashing);
      crashing.take(bucket, 1);
      await exchange(crashing);
      if (usedAt !== undefined) {
        goTo(usedAt);
        await take(1);
      }
      goTo(998);
      const before = uses;
      for (let request = 0; request < 20; request++) crashing.take(bucket, 1);
      expect(uses - before).toBe(20);
      goTo(takenAt);
      await take(1_000);
      expect(uses - before).toBe(20);
      goTo(takenAt + 20);
      await take(1_000);
      expect(uses - before).toBe(21);
    },
  );

  it('keep their leases if the clock of Redis is set back', async () => {
    const bucket = tokenBucket({ rate: 1_000 });
    const clock = new FakeClock();
    clock.advance(START + 2);
    const redisClock = { ahead: 0 };
    const holder = newNode(clock, `${runs}:`, redisClock);
    const other = newNode(clock, `${runs++}:`, redisClock);
    for (let request = 0; request < 20; request++) await decide(holder, bucket, 1);
    // Back to the period before, in which another node uses the bucket.
    redisClock.ahead = -5;
    const exact = { ...bucket, exact: true };
    expect((await decide(other, exact, 1))?.allowed).toBe(true);
    clock.advance(100);
    expect((await decide(other, exact, 1_000))?.allowed).toBe(false);
    const { calls } = holder.link;
    expect((await decide(holder, bucket, 1))?.allowed).toBe(true);
    expect(holder.link.calls).toBe(calls);
    await holder.store.close();
    await other.store.close();
  });

  it('return unused tokens when they stop', async () => {
    const bucket = tokenBucket({ rate: 100, burst: 500 });
    const clock = new FakeClock();
    clock.advance(START);
    const [one, other] = [newNode(clock, 'stop:'), newNode(clock, 'stop:')];
    for (let request = 0; request < 10; request++) await decide(one, bucket, 1);
    const calls = one.link.calls;
    expect(calls).toBeLessThan(10);
    expect((await decide(other, bucket, 491))?.allowed).not.toBe(true);
    await one.store.close();
    expect((await decide(other, bucket, 490))?.allowed).toBe(true);
    await other.store.close();
  });

  it('return unused tokens once, though ioredis sends the call again after a lost connection', async () => {
    const bucket = tokenBucket({ rate: 100, burst: 500 });
    const clock = new FakeClock();
    clock.advance(START);
    const [one, other] = [newNode(clock, 'repeated:'), newNode(clock, 'repeated:')];
    for (let request = 0; request < 10; request++) await decide(one, bucket, 1);
    one.link.isRepeated = true;
    await one.store.close();
    let passed = 10;
    while ((await decide(other, { ...bucket, exact: true }, 1))?.allowed) passed++;
    expect(passed).toBe(500);
    await other.store.close();
  });

  it.each([1, 2, 4])('are exact for a small limit: %d nodes', async count => {
    const bucket = tokenBucket({ rate: 5, per: 60_000 });
    const clock = new FakeClock();
    clock.advance(START);
    const nodes = Array.from({ length: count }, () => newNode(clock, `small-${count}:`));
    let passed = 0;
    for (let request = 0; request < 20; request++) {
      const decision = await decide(nodes[request % count]!, bucket, 1);
      if (decision?.allowed) passed++;
      expect(passed).toBe(Math.min(request + 1, 5));
    }
  });

  it('call Redis for each request of an exact limit, and rarely otherwise', async () => {
    const clock = new FakeClock();
    clock.advance(START);
    const exact = newNode(clock, 'exact:');
    const leasing = newNode(clock, 'leasing:');
    const bucket = tokenBucket({ rate: 1_000 });
    for (let request = 0; request < 200; request++) {
      clock.advance(2);
      await decide(exact, { ...bucket, exact: true }, 1);
      await decide(leasing, bucket, 1);
    }
    expect(exact.link.calls).toBe(200);
    expect(leasing.link.calls).toBeLessThan(20);
    await leasing.store.close();
  });
});
