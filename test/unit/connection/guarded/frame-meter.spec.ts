import { frameBuckets, FrameMeter } from '../../../../lib/connection/guarded/frame-meter.js';

const meter = (options = {}) =>
  new FrameMeter(frameBuckets({ messageRate: 10, messageBurst: 5, maxStrikes: 3, ...options }));
const passed = (frames: FrameMeter, times: number, now: number) =>
  Array.from({ length: times }, () => frames.charge(now)).filter(wait => wait === 0).length;

describe('FrameMeter.charge', () => {
  it('allows up to the burst at once, and no more', () => {
    expect(passed(meter(), 100, 0)).toBe(5);
  });

  it('allows frames at the configured rate after the burst', () => {
    const frames = meter();
    passed(frames, 5, 0);
    expect(passed(frames, 5, 99)).toBe(0);
    expect(passed(frames, 5, 100)).toBe(1);
    expect(passed(frames, 5, 300)).toBe(2);
  });

  it('returns the exact wait until the next frame is allowed', () => {
    const frames = meter();
    passed(frames, 5, 0);
    const wait = frames.charge(30);
    expect(wait).toBe(70);
    expect(frames.charge(30 + wait)).toBe(0);
  });

  it('does not charge rejected frames', () => {
    const frames = meter();
    passed(frames, 10_000, 0);
    expect(frames.charge(100)).toBe(0);
  });

  it('never refills beyond the burst', () => {
    const frames = meter();
    passed(frames, 5, 0);
    expect(passed(frames, 100, 1e9)).toBe(5);
  });

  it.each([0, 1e-3, 1e12])('does not depend on where the clock starts: %d', start => {
    const frames = meter();
    expect(passed(frames, 100, start)).toBe(5);
    expect(frames.charge(start)).toBeGreaterThan(0);
  });

  it.each([0.1, 1 / 3, 7, 999.9])('allows a whole burst at any rate: %d', messageRate => {
    const frames = meter({ messageRate, messageBurst: 200 });
    expect(passed(frames, 300, 12_345.678)).toBe(200);
    expect(frames.charge(12_345.678)).toBeGreaterThan(0);
  });
});

describe('FrameMeter.strike', () => {
  const forgiven = (frames: FrameMeter, times: number, now: number) =>
    Array.from({ length: times }, () => frames.strike(now)).filter(Boolean).length;

  it('forgives up to maxStrikes', () => {
    expect(forgiven(meter(), 10, 0)).toBe(3);
  });

  it('forgives one strike per second again', () => {
    const frames = meter();
    forgiven(frames, 3, 0);
    expect(forgiven(frames, 3, 990)).toBe(0);
    expect(forgiven(frames, 3, 1_000)).toBe(1);
    expect(forgiven(frames, 9, 60_000)).toBe(3);
  });

  it('does not share a bucket with charge', () => {
    const frames = meter();
    passed(frames, 100, 0);
    expect(forgiven(frames, 10, 0)).toBe(3);
    const others = meter();
    forgiven(others, 10, 0);
    expect(passed(others, 100, 0)).toBe(5);
  });
});
