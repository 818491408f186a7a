import { Liveness } from '../../../lib/connection/index.js';

const HEARTBEAT = 30_000;
const IDLE = 600_000;
const liveness = ({ now = 0, jitter = 1 } = {}) =>
  new Liveness({ heartbeatInterval: HEARTBEAT, idleTimeout: IDLE }, now, jitter);

describe('the heartbeat', () => {
  it.each([0, 0.25, 1])('first falls at its jitter of %d in the interval', jitter => {
    const peer = liveness({ now: 1_000, jitter });
    if (jitter > 0) expect(peer.due(1_000 + jitter * HEARTBEAT - 1)).toBeUndefined();
    expect(peer.due(1_000 + jitter * HEARTBEAT)).toBe('ping');
  });

  it('is one ping per interval, however often it is asked', () => {
    const peer = liveness({ jitter: 0 });
    const steps: unknown[] = [];
    for (let now = 0; now < 4 * HEARTBEAT; now += 100) {
      steps.push(peer.due(now));
      peer.heard();
    }
    expect(steps.filter(step => step === 'ping')).toHaveLength(4);
  });

  it('finds a peer dead that has not answered when the next ping is due', () => {
    const peer = liveness({ jitter: 0 });
    expect(peer.due(0)).toBe('ping');
    expect(peer.due(HEARTBEAT - 1)).toBeUndefined();
    expect(peer.due(HEARTBEAT)).toBe('dead');
  });

  it.each(['pong', 'message'])('finds a peer alive by a %s after the ping', sign => {
    const peer = liveness({ jitter: 0 });
    peer.due(0);
    if (sign === 'pong') peer.heard();
    else peer.active(10);
    expect(peer.due(HEARTBEAT)).toBe('ping');
  });

  it('is not answered in advance: what was heard before a ping does not answer it', () => {
    const peer = liveness({ jitter: 0 });
    for (let pong = 0; pong < 10; pong++) peer.heard();
    expect(peer.due(0)).toBe('ping');
    expect(peer.due(HEARTBEAT)).toBe('dead');
  });

  it('asks once where it was not asked for many intervals, and gives time to answer', () => {
    const peer = liveness({ jitter: 0 });
    expect(peer.due(10 * HEARTBEAT)).toBe('ping');
    expect(peer.due(11 * HEARTBEAT - 1)).toBeUndefined();
    expect(peer.due(11 * HEARTBEAT)).toBe('dead');
  });
});

describe('a connection', () => {
  it('is idle once its time without a message is over, and stays so', () => {
    const peer = liveness();
    expect(peer.due(IDLE)).toBe('idle');
    expect(peer.due(IDLE + 1)).toBe('idle');
  });

  it('is not kept in use by pongs', () => {
    const peer = liveness({ jitter: 0 });
    for (let now = 0; now < IDLE; now += HEARTBEAT) {
      expect(peer.due(now)).toBe('ping');
      peer.heard();
    }
    expect(peer.due(IDLE)).toBe('idle');
  });

  it('is kept in use by a message, counted from when it came', () => {
    const peer = liveness({ jitter: 0 });
    peer.active(IDLE - 1);
    expect(peer.due(IDLE)).toBe('ping');
    expect(peer.due(2 * IDLE - 1)).toBe('idle');
  });

  it('counts from when it was made, not from zero', () => {
    const peer = liveness({ now: 5 * IDLE });
    expect(peer.due(5 * IDLE + 1)).toBeUndefined();
  });
});
