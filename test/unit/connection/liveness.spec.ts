import { Liveness } from '../../../lib/connection/liveness.js';

const HEARTBEAT = 30_000;
const IDLE = 600_000;
const liveness = ({ now = 0, jitter = 1 } = {}) =>
  new Liveness({ heartbeatInterval: HEARTBEAT, idleTimeout: IDLE }, now, jitter);

describe('heartbeat', () => {
  it.each([0, 0.25, 1])('sends the first ping after a fraction of %d of the interval', jitter => {
    const peer = liveness({ now: 1_000, jitter });
    if (jitter > 0) expect(peer.due(1_000 + jitter * HEARTBEAT - 1)).toBeUndefined();
    expect(peer.due(1_000 + jitter * HEARTBEAT)).toBe('ping');
  });

  it('sends one ping per interval, however often it is checked', () => {
    const peer = liveness({ jitter: 0 });
    const steps: unknown[] = [];
    for (let now = 0; now < 4 * HEARTBEAT; now += 100) {
      steps.push(peer.due(now));
      peer.markAlive();
    }
    expect(steps.filter(step => step === 'ping')).toHaveLength(4);
  });

  it('considers a client dead that has not answered when the next ping is due', () => {
    const peer = liveness({ jitter: 0 });
    expect(peer.due(0)).toBe('ping');
    expect(peer.due(HEARTBEAT - 1)).toBeUndefined();
    expect(peer.due(HEARTBEAT)).toBe('dead');
  });

  it.each(['pong', 'message'])('considers a client alive that sends a %s after the ping', sign => {
    const peer = liveness({ jitter: 0 });
    peer.due(0);
    if (sign === 'pong') peer.markAlive();
    else peer.markActive(10);
    expect(peer.due(HEARTBEAT)).toBe('ping');
  });

  it('does not count a pong from before the ping as its answer', () => {
    const peer = liveness({ jitter: 0 });
    for (let pong = 0; pong < 10; pong++) peer.markAlive();
    expect(peer.due(0)).toBe('ping');
    expect(peer.due(HEARTBEAT)).toBe('dead');
  });

  it('sends one ping after many missed intervals, and then gives time to answer', () => {
    const peer = liveness({ jitter: 0 });
    expect(peer.due(10 * HEARTBEAT)).toBe('ping');
    expect(peer.due(11 * HEARTBEAT - 1)).toBeUndefined();
    expect(peer.due(11 * HEARTBEAT)).toBe('dead');
  });
});

describe('idle timeout', () => {
  it('makes a connection idle that sends no message in time, and keeps it so', () => {
    const peer = liveness();
    expect(peer.due(IDLE)).toBe('idle');
    expect(peer.due(IDLE + 1)).toBe('idle');
  });

  it('is not reset by pongs', () => {
    const peer = liveness({ jitter: 0 });
    for (let now = 0; now < IDLE; now += HEARTBEAT) {
      expect(peer.due(now)).toBe('ping');
      peer.markAlive();
    }
    expect(peer.due(IDLE)).toBe('idle');
  });

  it('is reset by a message, from the time it arrived', () => {
    const peer = liveness({ jitter: 0 });
    peer.markActive(IDLE - 1);
    expect(peer.due(IDLE)).toBe('ping');
    expect(peer.due(2 * IDLE - 1)).toBe('idle');
  });

  it('counts from the creation of the connection, not from zero', () => {
    const peer = liveness({ now: 5 * IDLE });
    expect(peer.due(5 * IDLE + 1)).toBeUndefined();
  });
});
