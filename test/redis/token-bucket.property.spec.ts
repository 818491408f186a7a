import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { REFUND_LUA, TAKE_LUA } from '../../lib/redis/lua/token-bucket.lua.js';
import { InMemoryRateLimitStore, tokenBucket } from '../../lib/rate-limit/index.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { scriptAt } from '../helpers/redis-time.js';

fc.configureGlobal({ seed: 20_261_128 });

const NOW = 9e10;
/** Arguments without leases. */
const NO_LEASE = [0, 0, '', '', 0];
/** The rounding error of doubles of this size, in milliseconds. */
const ROUNDING = 1e-3;

describeWithRedis('the token bucket in Lua', () => {
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

  it('decides like the in-memory store, whatever is taken and refunded', async () => {
    expect(scriptAt(NOW, TAKE_LUA)).not.toContain("'TIME'");
    // Seconds, because keys expire by the real clock while the test's clock does not advance.
    const limits = fc.record({
      rate: fc.integer({ min: 1, max: 7 }),
      per: fc.constantFrom(20_000, 60_000, 100_000),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    const step = fc.record({
      wait: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60_000 })),
      tokens: fc.integer({ min: 1, max: 20 }),
      isRefund: fc.boolean().map(isRefund => isRefund && runs % 2 === 0),
    });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 40 }), async (limit, steps) => {
        const bucket = tokenBucket(limit);
        const clock = new FakeClock();
        clock.advance(NOW);
        const memory = new InMemoryRateLimitStore(10, clock);
        const key = `run-${runs++}`;
        const pipeline = redis.pipeline();
        const expected = steps.map(({ wait, tokens, isRefund }) => {
          clock.advance(wait);
          const now = clock.monotonic();
          const cost = Math.min(tokens, limit.burst);
          if (isRefund) {
            pipeline.eval(scriptAt(now, REFUND_LUA), 1, key, bucket.interval, cost);
            memory.refund(key, bucket, cost);
            return;
          }
          const { interval, fillTime } = bucket;
          pipeline.eval(scriptAt(now, TAKE_LUA), 1, key, interval, fillTime, ...NO_LEASE, cost);
          return memory.take(key, bucket, cost);
        });
        const replies = (await pipeline.exec())!;
        expected.forEach((decision, index) => {
          const [error, reply] = replies[index]!;
          expect(error).toBeNull();
          if (!decision) return;
          const [answers, granted, resetAfter] = reply as [string, number, string];
          expect({ answers, granted }).toEqual({
            answers: decision.allowed ? '1' : '0',
            granted: 0,
          });
          expect(Math.abs(Number(resetAfter) - decision.resetAfter)).toBeLessThan(ROUNDING);
        });
      }),
      { numRuns: 150 },
    );
  });

  it('blocks no client longer than the bucket takes to fill when the clock is set back', async () => {
    const take = async (now: number) =>
      (await redis.eval(
        scriptAt(now, TAKE_LUA),
        1,
        'clock',
        1_000,
        5_000,
        ...NO_LEASE,
        5,
      )) as string[];
    expect((await take(NOW))[0]).toBe('1');
    expect(Number((await take(NOW - 1e9))[2])).toBeLessThanOrEqual(5_001);
    expect((await take(NOW + 5_000))[0]).toBe('1');
  });

  it('keeps a bucket until it is full, and no longer', async () => {
    await redis.eval(TAKE_LUA, 1, 'kept', 100_000, 500_000, ...NO_LEASE, 2);
    const ttl = await redis.pttl('kept');
    expect(ttl).toBeGreaterThan(180_000);
    expect(ttl).toBeLessThanOrEqual(200_000);
  });
});
