import { frameBuckets, FrameMeter } from '../../../lib/adapter/frame-meter.js';

const meter = (options = {}) =>
  new FrameMeter(frameBuckets({ messageRate: 10, messageBurst: 5, maxStrikes: 3, ...options }));
const passed = (frames: FrameMeter, times: number, now: number) =>
  Array.from({ length: times }, () => frames.charge(now)).filter(wait => wait === 0).length;

describe('the frames of a connection', () => {
  it('pass up to the burst at once, and no further', () => {
    expect(passed(meter(), 100, 0)).toBe(5);
  });

  it('pass at the rate from then on', () => {
    const frames = meter();
    passed(frames, 5, 0);
    expect(passed(frames, 5, 99)).toBe(0);
    expect(passed(frames, 5, 100)).toBe(1);
    expect(passed(frames, 5, 300)).toBe(2);
  });

  it('are refused with the time after which one passes, exactly', () => {
    const frames = meter();
    passed(frames, 5, 0);
    const wait = frames.charge(30);
    expect(wait).toBe(70);
    expect(frames.charge(30 + wait)).toBe(0);
  });

  it('cost nothing when they are refused', () => {
    const frames = meter();
    passed(frames, 10_000, 0);
    expect(frames.charge(100)).toBe(0);
  });

  it('gain no more than a burst by waiting', () => {
    const frames = meter();
    passed(frames, 5, 0);
    expect(passed(frames, 100, 1e9)).toBe(5);
  });

  it.each([0, 1e-3, 1e12])('are limited the same whatever the clock starts at: %d', start => {
    const frames = meter();
    expect(passed(frames, 100, start)).toBe(5);
    expect(frames.charge(start)).toBeGreaterThan(0);
  });

  it.each([0.1, 1 / 3, 7, 999.9])('pass a burst whole, however odd the rate: %d', messageRate => {
    const frames = meter({ messageRate, messageBurst: 200 });
    expect(passed(frames, 300, 12_345.678)).toBe(200);
    expect(frames.charge(12_345.678)).toBeGreaterThan(0);
  });
});

describe('the strikes of a connection', () => {
  const forgiven = (frames: FrameMeter, times: number, now: number) =>
    Array.from({ length: times }, () => frames.strike(now)).filter(Boolean).length;

  it('are forgiven up to their number', () => {
    expect(forgiven(meter(), 10, 0)).toBe(3);
  });

  it('are forgotten one a second', () => {
    const frames = meter();
    forgiven(frames, 3, 0);
    expect(forgiven(frames, 3, 990)).toBe(0);
    expect(forgiven(frames, 3, 1_000)).toBe(1);
    expect(forgiven(frames, 9, 60_000)).toBe(3);
  });

  it('and frames are counted apart', () => {
    const frames = meter();
    passed(frames, 100, 0);
    expect(forgiven(frames, 10, 0)).toBe(3);
    const others = meter();
    forgiven(others, 10, 0);
    expect(passed(others, 100, 0)).toBe(5);
  });
});
