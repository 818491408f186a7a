import { InMemoryRateLimitStore, tokenBucket } from '../../../lib/rate-limit/index.js';
import { rateLimitStoreContract } from '../../contract/rate-limit-store.contract.js';
import { FakeClock } from '../../helpers/fake-clock.js';

rateLimitStoreContract('InMemoryRateLimitStore', () => {
  const clock = new FakeClock();
  return {
    store: new InMemoryRateLimitStore(1_000, clock),
    pass: milliseconds => {
      clock.advance(milliseconds);
    },
  };
});

describe('InMemoryRateLimitStore', () => {
  const BUCKET = tokenBucket({ rate: 1, burst: 2 });
  let clock: FakeClock;

  beforeEach(() => {
    clock = new FakeClock();
  });

  const storeOf = (maxKeys: number) => new InMemoryRateLimitStore(maxKeys, clock);
  const fill = (store: InMemoryRateLimitStore, keys: number, cost = 2) => {
    for (let i = 0; i < keys; i++) store.take(`key-${i}`, BUCKET, cost);
  };

  it('rejects new keys when full, with the time to wait', () => {
    const store = storeOf(3);
    fill(store, 3);
    expect(store.take('new', BUCKET, 1)).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfter: 1000,
      resetAfter: 2000,
    });
  });

  it('evicts no key to make room: a flood of keys refills no bucket', () => {
    const store = storeOf(3);
    fill(store, 3);
    for (let i = 0; i < 100; i++) store.take(`flood-${i}`, BUCKET, 1);
    for (let i = 0; i < 3; i++) expect(store.take(`key-${i}`, BUCKET, 1).allowed).toBe(false);
    expect(store.size).toBe(3);
  });

  it('still serves its keys when it is full', () => {
    const store = storeOf(1);
    expect(store.take('key', BUCKET, 1)).toMatchObject({ allowed: true, remaining: 1 });
    expect(store.take('key', BUCKET, 1)).toMatchObject({ allowed: true, remaining: 0 });
    clock.advance(1000);
    expect(store.take('key', BUCKET, 1).allowed).toBe(true);
  });

  it('accepts new keys soon after old buckets have filled up', () => {
    const store = storeOf(3);
    fill(store, 3);
    clock.advance(2001);
    const attempts = Array.from({ length: 3 }, () => store.take('new', BUCKET, 1).allowed);
    expect(attempts).toContain(true);
  });

  it('keeps a key until its bucket is full again, however often it sweeps', () => {
    const store = storeOf(1_000);
    store.take('victim', BUCKET, 2);
    clock.advance(1990);
    fill(store, 500, 1);
    expect(store.take('victim', BUCKET, 2).allowed).toBe(false);
    clock.advance(10);
    expect(store.take('victim', BUCKET, 2).allowed).toBe(true);
  });

  it('stores nothing for a request that can never fit', () => {
    const store = storeOf(10);
    expect(store.take('key', BUCKET, 3).allowed).toBe(false);
    expect(store.size).toBe(0);
  });

  it('stores nothing for a bucket that a refund has filled', () => {
    const store = storeOf(10);
    store.take('key', BUCKET, 2);
    store.refund('other', BUCKET, 1);
    store.refund('key', BUCKET, 1);
    expect(store.size).toBe(1);
    store.refund('key', BUCKET, 1);
    expect(store.size).toBe(0);
  });

  it('is not affected by changes of the wall clock', () => {
    const store = storeOf(10);
    store.take('key', BUCKET, 2);
    clock.setWall(clock.now() + 1_000_000);
    expect(store.take('key', BUCKET, 1).allowed).toBe(false);
    clock.setWall(0);
    clock.advance(1000);
    expect(store.take('key', BUCKET, 1).allowed).toBe(true);
  });

  it('holds few more keys than are limited, however many are made up over time', () => {
    const store = storeOf(1_000_000);
    const live = 1000;
    let largest = 0;
    for (let i = 0; i < 200_000; i++) {
      store.take(`key-${i}`, BUCKET, 1);
      largest = Math.max(largest, store.size);
      clock.advance(1);
    }
    expect(largest).toBeGreaterThanOrEqual(live);
    expect(largest).toBeLessThanOrEqual(3 * live);
  });

  it('never exceeds maxKeys', () => {
    const store = storeOf(100);
    for (let i = 0; i < 10_000; i++) {
      store.take(`key-${i}`, BUCKET, 1);
      expect(store.size).toBeLessThanOrEqual(100);
      if (i % 7 === 0) clock.advance(300);
    }
  });
});
