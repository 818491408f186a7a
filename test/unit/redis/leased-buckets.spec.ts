import { tokenBucket } from '../../../lib/rate-limit/index.js';
import {
  isSame,
  LEASE_TIME,
  leasableOf,
  LeasedBuckets,
  NO_LEASE,
} from '../../../lib/redis/leased-buckets.js';

/** A bucket of 1,000 tokens, one of which is added each millisecond. All nodes together may lease 20 of them. */
const bucket = tokenBucket({ rate: 1_000 });
const KEY = 'key';

describe('LeasedBuckets', () => {
  let leases: LeasedBuckets;
  /** Uses tokens that Redis decides about. */
  const use = (tokens: number, now: number, of = bucket, key = KEY) =>
    leases.want(key, of, tokens, now);
  /** Makes the key busy and has Redis grant a lease at 0. */
  const lease = (granted: number, resetAfter = 100) => {
    use(granted, 0);
    use(0, 0);
    leases.granted(KEY, bucket, { id: 'lease', granted, resetAfter }, 0);
  };

  beforeEach(() => (leases = new LeasedBuckets(10)));

  it.each([
    ['2 % of a bucket', { rate: 1_000 }, 20],
    ['whole tokens only', { rate: 1, burst: 99 }, 1],
    ['nothing of a small bucket', { rate: 1_000, burst: 49 }, 0],
    ['a whole token despite rounded times', { rate: 3, burst: 50 }, 1],
    ['nothing of an exact limit', { rate: 1_000, exact: true }, 0],
  ])('leases %s', (_, limit, most) => {
    expect(leasableOf(tokenBucket(limit))).toBe(most);
    leases = new LeasedBuckets(10);
    use(1_000, 0, tokenBucket(limit));
    expect(use(1, 1, tokenBucket(limit))).toBe(most);
    expect(leases.size).toBe(most > 0 ? 1 : 0);
  });

  it('requests as many tokens as the key used recently, from four on', () => {
    expect(use(3, 0)).toBe(0);
    expect(use(1, 1)).toBe(0);
    expect(use(1, 2)).toBe(4);
    leases.failed(KEY, bucket);
    expect(use(1, 3)).toBe(5);
  });

  it('counts the use of this lease time and of the one before', () => {
    use(8, 0);
    expect(use(5, LEASE_TIME - 1)).toBe(8);
    leases.failed(KEY, bucket);
    expect(use(6, LEASE_TIME)).toBe(13);
    leases.failed(KEY, bucket);
    expect(use(0, 2 * LEASE_TIME)).toBe(6);
    leases.failed(KEY, bucket);
    expect(use(0, 4 * LEASE_TIME)).toBe(0);
    use(9, 4 * LEASE_TIME);
    expect(use(0, 6 * LEASE_TIME - 1)).toBe(9);
  });

  it('requests one lease of a key at a time', () => {
    use(10, 0);
    expect(use(1, 1)).toBe(10);
    expect(use(1, 2)).toBe(0);
    leases.granted(KEY, bucket, { id: 'lease', granted: 5, resetAfter: 0 }, 2);
    expect(use(0, 3)).toBe(12);
  });

  it('keeps a lease that was granted while further requests waited for Redis', () => {
    lease(5);
    expect(use(5, 1)).toBe(0);
    expect(leases.take(KEY, bucket, 5, 1)?.allowed).toBe(true);
    expect(use(1, 2)).toBe(15);
  });

  it('takes tokens until the lease has too few', () => {
    lease(5);
    expect([2, 2, 2, 1, 1].map(cost => leases.take(KEY, bucket, cost, 1)?.allowed)).toEqual([
      true,
      true,
      undefined,
      true,
      undefined,
    ]);
  });

  it('takes tokens until the lease ends, half a second after the request', () => {
    lease(5);
    expect(leases.take(KEY, bucket, 1, LEASE_TIME - 1)).toBeDefined();
    expect(leases.take(KEY, bucket, 1, LEASE_TIME)).toBeUndefined();
  });

  it('counts the remaining tokens of the bucket and of the lease', () => {
    lease(5, 100);
    expect(leases.take(KEY, bucket, 1, 0)).toEqual({
      allowed: true,
      remaining: 904,
      retryAfter: 0,
      resetAfter: 100,
    });
    expect(leases.take(KEY, bucket, 2, 60)).toMatchObject({ remaining: 962, resetAfter: 40 });
    expect(leases.take(KEY, bucket, 1, 300)).toMatchObject({ remaining: 1_001, resetAfter: 0 });
  });

  it('counts leased tokens as use for the next lease', () => {
    lease(8);
    leases.take(KEY, bucket, 7, LEASE_TIME - 1);
    expect(use(1, LEASE_TIME)).toBe(15);
  });

  it('ends a lease once', () => {
    expect(leases.end(KEY, bucket)).toBe(NO_LEASE);
    lease(5);
    leases.take(KEY, bucket, 2, 1);
    expect(leases.end(KEY, bucket)).toEqual({ id: 'lease', unused: 3 });
    expect(leases.end(KEY, bucket)).toEqual({ id: '', unused: 0 });
    expect(leases.take(KEY, bucket, 1, 1)).toBeUndefined();
  });

  it('separates the leases of two limits with the same key', () => {
    const others = [
      tokenBucket({ rate: 500, burst: 500 }),
      tokenBucket({ rate: 1_000, burst: 2_000 }),
      tokenBucket({ rate: 500, burst: 1_000 }),
    ];
    lease(5);
    for (const other of others) {
      expect(isSame(bucket, other)).toBe(false);
      expect(use(10, 1, other)).toBe(0);
      expect(leases.take(KEY, other, 1, 1)).toBeUndefined();
      expect(leases.end(KEY, other)).toBe(NO_LEASE);
      leases.granted(KEY, other, { id: 'other', granted: 100, resetAfter: 0 }, 1);
      leases.failed(KEY, other);
    }
    expect(isSame(bucket, { ...bucket, exact: true })).toBe(false);
    expect(isSame(bucket, { ...bucket })).toBe(true);
    expect(leases.end(KEY, { ...bucket })).toEqual({ id: 'lease', unused: 5 });
  });

  it('bounds the number of keys with leases', () => {
    leases = new LeasedBuckets(2);
    for (const key of ['a', 'b', 'c']) use(10, 0, bucket, key);
    expect(leases.size).toBe(2);
    expect(['a', 'b', 'c'].map(key => use(1, 1, bucket, key))).toEqual([10, 10, 0]);
  });

  it('ignores a grant or a failure for an unknown key', () => {
    leases.granted(KEY, bucket, { id: 'lease', granted: 5, resetAfter: 0 }, 0);
    leases.failed(KEY, bucket);
    expect(leases.take(KEY, bucket, 1, 1)).toBeUndefined();
    expect(leases.size).toBe(0);
  });

  it('lists the leases that end before a time, and keeps their keys', () => {
    lease(5);
    expect(leases.endingBefore(LEASE_TIME, 10 * LEASE_TIME)).toEqual([]);
    expect(leases.endingBefore(LEASE_TIME + 1, 10 * LEASE_TIME)).toEqual([[KEY, bucket]]);
    expect(leases.size).toBe(1);
  });

  it('removes a key without a lease, a request, or use in two lease times', () => {
    use(4, 0);
    leases.endingBefore(0, 2 * LEASE_TIME - 1);
    expect(leases.size).toBe(1);
    use(0, 0);
    leases.endingBefore(0, 2 * LEASE_TIME);
    expect(leases.size).toBe(1);
    leases.failed(KEY, bucket);
    leases.endingBefore(0, 2 * LEASE_TIME);
    expect(leases.size).toBe(0);
  });
});
