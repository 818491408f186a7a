import * as fc from 'fast-check';
import { InMemoryRateLimitStore, tokenBucket } from '../../lib/rate-limit/index.js';
import { decide } from '../../lib/rate-limit/token-bucket.js';
import { FakeClock } from '../helpers/fake-clock.js';

fc.configureGlobal({ seed: 20_261_128 });

/** The maximum rounding error, in tokens. */
const ROUNDING = 0.01;

/** A reference token bucket, exact because it counts in whole milliseconds' worth of tokens. */
class ExactBucket {
  private level: number;
  private last = 0;

  constructor(
    private readonly interval: number,
    private readonly burst: number,
  ) {
    this.level = burst * interval;
  }

  take(now: number, cost: number) {
    const full = this.burst * this.interval;
    this.level = Math.min(full, this.level + (now - this.last));
    this.last = now;
    const price = cost * this.interval;
    const allowed = this.level >= price;
    const retryAfter = allowed ? 0 : price - this.level;
    if (allowed) this.level -= price;
    const remaining = Math.floor(this.level / this.interval);
    return { allowed, remaining, retryAfter, resetAfter: full - this.level };
  }
}

const anyLimit = fc.record({
  rate: fc.double({ min: 0.01, max: 5_000, noNaN: true }),
  per: fc.constantFrom(100, 1_000, 60_000),
  burst: fc.integer({ min: 1, max: 500 }),
});
const anyStart = fc.double({ min: 0, max: 1e9, noNaN: true });

describe('a token bucket', () => {
  it('decides like an exact bucket of tokens', () => {
    const burst = fc.integer({ min: 1, max: 8 });
    const steps = burst.chain(burst =>
      fc.tuple(
        fc.constant(burst),
        fc.array(fc.tuple(fc.nat(1_500), fc.integer({ min: 1, max: burst })), { maxLength: 60 }),
      ),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900 }), steps, (interval, [burst, requests]) => {
        const bucket = tokenBucket({ rate: 1, per: interval, burst });
        const exact = new ExactBucket(interval, burst);
        let [now, fullAt] = [0, 0];
        for (const [wait, cost] of requests) {
          now += wait;
          const { fullAt: next, ...decision } = decide(bucket, fullAt, now, cost);
          fullAt = next;
          expect(decision).toEqual(exact.take(now, cost));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('allows at most burst + rate × t in any interval t, at any rate', () => {
    const waits = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { maxLength: 120 });
    fc.assert(
      fc.property(anyLimit, anyStart, waits, (limit, start, waits) => {
        const bucket = tokenBucket(limit);
        let [now, fullAt] = [start, start];
        const passed: number[] = [];
        for (const wait of [0, ...waits]) {
          now += wait;
          for (let i = 0; i < 5; i++) {
            const decision = decide(bucket, fullAt, now, 1);
            fullAt = decision.fullAt;
            if (decision.allowed) passed.push(now);
          }
        }
        expect(passed.length).toBeGreaterThan(0);
        passed.forEach((from, first) => {
          passed.slice(first).forEach((to, count) => {
            const most = limit.burst + ((to - from) * limit.rate) / limit.per;
            if (count + 1 > most + ROUNDING) throw new Error(`${count + 1} passed, not ${most}`);
          });
        });
      }),
    );
  });

  it('allows a rejected request after exactly the returned wait, and not before', () => {
    fc.assert(
      fc.property(anyLimit, anyStart, fc.nat(), (limit, start, seed) => {
        const bucket = tokenBucket(limit);
        const cost = 1 + (seed % limit.burst);
        const { fullAt } = decide(bucket, start, start, limit.burst);
        const { allowed, retryAfter } = decide(bucket, fullAt, start, cost);
        expect(allowed).toBe(false);
        expect(decide(bucket, fullAt, start + retryAfter, cost).allowed).toBe(true);
        const early = start + retryAfter - ROUNDING * bucket.interval;
        expect(decide(bucket, fullAt, early, cost).allowed).toBe(false);
      }),
    );
  });

  it('decides the same in a store that sweeps as in one that keeps every key', () => {
    const request = fc.record({
      wait: fc.nat(400),
      key: fc.nat(9),
      cost: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 150 }), requests => {
        const bucket = tokenBucket({ rate: 1, per: 300, burst: 3 });
        const clock = new FakeClock();
        const store = new InMemoryRateLimitStore(10, clock);
        const kept = new Map<number, ExactBucket>();
        for (const { wait, key, cost } of requests) {
          clock.advance(wait);
          const exact = kept.get(key) ?? new ExactBucket(300, 3);
          kept.set(key, exact);
          const expected = exact.take(clock.monotonic(), cost);
          expect(store.take(`key-${key}`, bucket, cost)).toMatchObject(expected);
        }
      }),
      { numRuns: 300 },
    );
  });
});
