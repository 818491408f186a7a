import { BucketQuota } from '../../../lib/rate-limit/bucket-quota.js';
import { FakeClock } from '../../helpers/fake-clock.js';

describe('BucketQuota', () => {
  let clock: FakeClock;
  let keys: BucketQuota;

  beforeEach(() => {
    clock = new FakeClock();
    keys = new BucketQuota(90, clock);
  });

  const claim = (count: number, owner: string, fillTime = 1_000) =>
    Array.from({ length: count }, (_, n) => keys.claim(`${owner} ${n}`, owner, fillTime)).filter(
      Boolean,
    ).length;

  it('counts a key once, whoever claims it', () => {
    expect(keys.claim('room', 'ann', 1_000)).toBe(true);
    expect(keys.claim('room', 'bob', 1_000)).toBe(true);
    expect(keys.size).toBe(1);
  });

  it('rejects an owner that has used its share, and no other', () => {
    expect(claim(90, 'mallory')).toBe(10);
    expect(keys.claim('mallory 0', 'mallory', 1_000)).toBe(true);
    expect(claim(1, 'ann')).toBe(1);
  });

  it('counts a key until its bucket is full', () => {
    claim(90, 'mallory');
    clock.advance(1_000);
    expect(claim(1, 'mallory more')).toBe(1);
    clock.advance(1);
    expect(claim(90, 'mallory')).toBe(10);
  });

  it('uses the real time at which the bucket is full once known', () => {
    claim(90, 'mallory', 1_000_000);
    for (let n = 0; n < 10; n++) keys.note(`mallory ${n}`, 100);
    keys.note('unknown', 100);
    clock.advance(101);
    keys.claim('sweeps', 'ann', 1_000);
    expect(keys.size).toBe(1);
  });
});
