import { NonceWindow } from '../../../lib/replay/nonce-window.js';

describe('NonceWindow', () => {
  it('distinguishes used nonces from new ones', () => {
    const nonces = new NonceWindow(10);
    expect([
      nonces.use('a', 1),
      nonces.use('a', 1),
      nonces.use('a', 2),
      nonces.use('b', 1),
    ]).toEqual(['new', 'used', 'used', 'new']);
  });

  it('never exceeds its maximum', () => {
    const nonces = new NonceWindow(10);
    for (let event = 0; event < 1_000; event++) {
      expect(nonces.use(`${event}`, event)).toBe('new');
      expect(nonces.size).toBeLessThanOrEqual(10);
    }
  });

  it('rejects what is as old as what it dropped, and accepts what is newer', () => {
    const nonces = new NonceWindow(4);
    for (const time of [1, 2, 3, 4]) nonces.use(`${time}`, time);
    expect(nonces.use('5', 5)).toBe('new');
    expect(nonces.use('1', 1)).toBe('forgotten');
    expect(nonces.use('other', 3)).toBe('forgotten');
    expect(nonces.use('4', 4)).toBe('used');
    expect(nonces.use('6', 6)).toBe('new');
  });

  it.each([1, 2, 3, 50])('accepts nothing twice with room for %d, in any order of times', max => {
    const nonces = new NonceWindow(max);
    const passed = new Set<string>();
    let random = 7;
    for (let step = 0; step < 20_000; step++) {
      random = (random * 48_271) % 2_147_483_647;
      const nonce = `${random % 300}`;
      // An event has one time, which its nonce gives here.
      if (nonces.use(nonce, (Number(nonce) * 7) % 300) !== 'new') continue;
      expect(passed).not.toContain(nonce);
      passed.add(nonce);
    }
  });

  it('still rejects and accepts correctly if all events have the same time', () => {
    const nonces = new NonceWindow(2);
    expect(['a', 'b', 'c'].map(nonce => nonces.use(nonce, 1))).toEqual(['new', 'new', 'forgotten']);
    expect(nonces.use('c', 2)).toBe('new');
  });
});
