import {
  capacityOf,
  decide,
  takeTokens,
  tokenBucket,
} from '../../../lib/rate-limit/token-bucket.js';

describe('tokenBucket', () => {
  it.each([
    [{ rate: 10 }, 100, 10],
    [{ rate: 10, burst: 30 }, 100, 30],
    [{ rate: 60, per: 60_000 }, 1000, 60],
    [{ rate: 0.5 }, 2000, 1],
    [{ rate: 2.5 }, 400, 3],
    [{ rate: 1, per: 500, burst: 4 }, 500, 4],
  ])('of %j refills a token every %i ms and holds %i', (options, interval, capacity) => {
    const bucket = tokenBucket(options);
    expect(bucket.interval).toBeCloseTo(interval, 9);
    expect(capacityOf(bucket)).toBe(capacity);
  });
});

describe('takeTokens', () => {
  const bucket = tokenBucket({ rate: 10, burst: 3 });

  it('advances the time of a full bucket by one interval per token', () => {
    expect(takeTokens(bucket, -Infinity, 1000, 1)).toBe(1100);
    expect(takeTokens(bucket, 1100, 1000, 2)).toBe(1300);
  });

  it('returns undefined if the bucket does not hold the tokens', () => {
    expect(takeTokens(bucket, 1300, 1000, 1)).toBeUndefined();
    expect(takeTokens(bucket, 1150, 1000, 2)).toBeUndefined();
  });
});

describe('decide', () => {
  /** Sends requests at the given times and returns which of them pass. */
  const run = (options: Parameters<typeof tokenBucket>[0], times: number[], cost = 1) => {
    const bucket = tokenBucket(options);
    let fullAt = -Infinity;
    return times.map(now => {
      const decision = decide(bucket, fullAt, now, cost);
      fullAt = decision.fullAt;
      return decision.allowed;
    });
  };
  const passed = (outcomes: boolean[]) => outcomes.filter(Boolean).length;

  it('allows a burst, then the steady rate', () => {
    expect(run({ rate: 10, burst: 3 }, [0, 0, 0, 0, 99, 100, 100, 200])).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it.each([
    [{ rate: 100, burst: 200 }, 200 + 100 * 60],
    [{ rate: 1 / 3, burst: 1 }, 1 + 20],
    [{ rate: 7, per: 11_000, burst: 5 }, 5 + Math.floor((7 / 11) * 60)],
    [{ rate: 0.1 }, 1 + 6],
  ])('allows %j %i times in a minute of flooding', (options, expected) => {
    const everyMillisecond = Array.from({ length: 60_001 }, (_, now) => now);
    expect(passed(run(options, everyMillisecond))).toBe(expected);
  });

  it('refills nothing while the clock stands still', () => {
    expect(passed(run({ rate: 1000, burst: 5 }, Array<number>(100).fill(12345.678)))).toBe(5);
  });

  it('refills nothing when the clock goes back', () => {
    expect(run({ rate: 10, burst: 2 }, [1000, 1000, 0, 500, 999])).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('never holds more than the burst, however long it is idle', () => {
    expect(passed(run({ rate: 10, burst: 3 }, [0, ...Array<number>(10).fill(1e12)]))).toBe(1 + 3);
  });

  it('allows a cost of the whole burst only if the bucket is full', () => {
    expect(run({ rate: 10, burst: 3 }, [0, 0, 299, 300], 3)).toEqual([true, false, false, true]);
  });

  it('returns what is left, the time to wait and when the bucket is full', () => {
    const bucket = tokenBucket({ rate: 10, burst: 3 });
    expect(decide(bucket, 0, 1000, 1)).toEqual({
      allowed: true,
      remaining: 2,
      retryAfter: 0,
      resetAfter: 100,
      fullAt: 1100,
    });
    expect(decide(bucket, 1250, 1000, 1)).toEqual({
      allowed: false,
      remaining: 0,
      retryAfter: 50,
      resetAfter: 250,
      fullAt: 1250,
    });
    expect(decide(bucket, 1250, 1000, 3)).toMatchObject({ allowed: false, retryAfter: 250 });
  });

  it('does not lose the last token of a burst to rounding', () => {
    for (const rate of [3, 7, 0.3, 1 / 7, 33.3, 999.9]) {
      for (const now of [0, 1e6 + 0.1, 1e9 + 1 / 3])
        expect(passed(run({ rate, burst: 50 }, Array<number>(60).fill(now)))).toBe(50);
    }
  });
});
