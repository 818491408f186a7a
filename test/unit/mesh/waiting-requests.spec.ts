import { WaitingRequests } from '../../../lib/mesh/waiting-requests.js';

const LIMITS = { maxPerConnection: 3, maxBytesPerConnection: 100, maxBytesPerUser: 150 };

describe('WaitingRequests', () => {
  it('rejects more requests or bytes than one connection may have pending', () => {
    const waiting = new WaitingRequests(LIMITS);
    const [many, heavy] = [waiting.open(), waiting.open()];
    expect([1, 1, 1, 1].map(weight => many.reserve('a', weight) !== undefined)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(heavy.reserve('b', 100)).toBeDefined();
    expect(heavy.reserve('b', 1)).toBeUndefined();
  });

  it('rejects more bytes than the connections of one user may have pending, and affects no other user', () => {
    const waiting = new WaitingRequests(LIMITS);
    expect(waiting.open().reserve('a', 100)).toBeDefined();
    expect(waiting.open().reserve('a', 51)).toBeUndefined();
    expect(waiting.open().reserve('a', 50)).toBeDefined();
    expect(waiting.open().reserve('b', 100)).toBeDefined();
  });

  it('accepts requests again after a release, and stores no user without requests', () => {
    const waiting = new WaitingRequests(LIMITS);
    const requests = waiting.open();
    const free = [60, 40].map(weight => requests.reserve('a', weight));
    expect(requests.reserve('a', 1)).toBeUndefined();
    for (const release of free) release?.();
    expect(waiting.users).toBe(0);
    expect(requests.reserve('a', 100)).toBeDefined();
    expect(waiting.users).toBe(1);
  });

  it('still counts the other requests of a user after a release', () => {
    const waiting = new WaitingRequests(LIMITS);
    const free = waiting.open().reserve('a', 60);
    waiting.open().reserve('a', 90);
    free?.();
    expect(waiting.open().reserve('a', 61)).toBeUndefined();
    expect(waiting.open().reserve('a', 60)).toBeDefined();
  });
});
