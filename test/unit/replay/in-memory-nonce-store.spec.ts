import { InMemoryNonceStore } from '../../../lib/replay/index.js';
import { nonceStoreContract } from '../../contract/nonce-store.contract.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';

nonceStoreContract('InMemoryNonceStore', () => {
  const clock = new FakeClock();
  return {
    store: new InMemoryNonceStore(1_000, clock),
    now: () => clock.now(),
    pass: milliseconds => {
      clock.advance(milliseconds);
    },
  };
});

describe('InMemoryNonceStore', () => {
  let clock: FakeClock;

  beforeEach(() => {
    clock = new FakeClock();
  });

  const storeOf = (maxKeys: number) => new InMemoryNonceStore(maxKeys, clock);

  it('remembers a key through the millisecond it expires in', () => {
    const store = storeOf(10);
    const expiresAt = clock.now() + 1000;
    store.use('key', expiresAt);
    clock.advance(1000);
    expect(store.use('key', expiresAt)).toBe(false);
    clock.advance(1);
    expect(store.use('key', expiresAt + 1000)).toBe(true);
  });

  it('refuses new keys when it is full, and forgets none to make room', () => {
    const store = storeOf(3);
    const expiresAt = clock.now() + 1000;
    for (const key of ['a', 'b', 'c']) expect(store.use(key, expiresAt)).toBe(true);
    for (let i = 0; i < 50; i++)
      expect(refusalOf(() => store.use(`flood-${i}`, expiresAt))).toBe('UNAVAILABLE');
    for (const key of ['a', 'b', 'c']) expect(store.use(key, expiresAt)).toBe(false);
    expect(store.size).toBe(3);
  });

  it('takes new keys again as soon as old ones expire', () => {
    const store = storeOf(3);
    for (const key of ['a', 'b', 'c']) store.use(key, clock.now() + 1000);
    clock.advance(1001);
    for (const key of ['d', 'e', 'f']) expect(store.use(key, clock.now() + 1000)).toBe(true);
    expect(refusalOf(() => store.use('g', clock.now()))).toBe('UNAVAILABLE');
  });

  it('still remembers a key that was used again after it had expired', () => {
    const store = storeOf(10);
    store.use('first', clock.now() + 500);
    store.use('again', clock.now() + 100);
    clock.advance(101);
    expect(store.use('again', clock.now() + 1000)).toBe(true);
    clock.advance(600);
    for (const key of ['x', 'y', 'z']) store.use(key, clock.now() + 1000);
    expect(store.use('again', clock.now() + 1000)).toBe(false);
  });

  it('holds few more keys than are live, however many are used while time passes', () => {
    const store = storeOf(1_000_000);
    const lifetime = 1_000;
    let largest = 0;
    for (let i = 0; i < 200_000; i++) {
      store.use(`key-${i}`, clock.now() + lifetime);
      largest = Math.max(largest, store.size);
      clock.advance(1);
    }
    expect(largest).toBeGreaterThanOrEqual(lifetime);
    // Of as many places as there are and a third more, each use looks at sixteen.
    expect(largest).toBeLessThanOrEqual(1.1 * lifetime);
  });

  it('empties itself after a burst, as further keys are used', () => {
    const store = storeOf(100_000);
    for (let i = 0; i < 50_000; i++) store.use(`burst-${i}`, clock.now() + 1000);
    clock.advance(1001);
    for (let i = 0; i < 50_000; i++) {
      store.use(`later-${i}`, clock.now() + 10);
      clock.advance(1);
    }
    expect(store.size).toBeLessThanOrEqual(20);
  });

  it('empties itself after a burst of signing keys that signed once, as further ones do', () => {
    const store = storeOf(100_000);
    for (let i = 0; i < 50_000; i++) store.useNonce(`s-${i}`, 'nonce', clock.now() + 1000);
    clock.advance(1001);
    for (let i = 0; i < 51_000; i++) {
      store.useNonce(`t-${i}`, 'nonce', clock.now() + 10);
      clock.advance(1);
    }
    expect(store.size).toBeLessThanOrEqual(30);
  });

  it('clears up behind signing keys that come and go', () => {
    const store = storeOf(1_000_000);
    let largest = 0;
    for (let i = 0; i < 50_000; i++) {
      // Ten nonces with each key, and each key for ten milliseconds.
      expect(store.useNonce(`s-${Math.floor(i / 10)}`, `n-${i % 10}`, clock.now() + 1000)).toBe(
        true,
      );
      largest = Math.max(largest, store.size);
      clock.advance(1);
    }
    expect(largest).toBeLessThanOrEqual(1_100);
    clock.advance(1001);
    for (let i = 0; i < 2_000; i++) store.use(`later-${i}`, clock.now());
    expect(store.size).toBeLessThanOrEqual(2_000);
  });

  it('still remembers nonces that were used again after they had expired, whichever key is looked at next', () => {
    for (let turn = 0; turn < 12; turn++) {
      const store = storeOf(1_000);
      const keys = Array.from({ length: 10 }, (_, n) => `s-${n}`);
      const use = (keyId: string, lifetime: number) =>
        store.useNonce(keyId, 'nonce', clock.now() + lifetime);
      for (const keyId of keys) use(keyId, 100);
      for (let seen = 0; seen < turn; seen++) store.use(`seen-${seen}`, clock.now() + 5_000);
      clock.advance(101);
      for (const keyId of keys.toReversed()) expect(use(keyId, 5_000)).toBe(true);
      for (let more = 0; more < 50; more++) store.use(`more-${more}`, clock.now() + 5_000);
      for (const keyId of keys) expect(use(keyId, 5_000)).toBe(false);
      expect(store.size).toBe(10 + turn + 50);
    }
  });

  it('remembers every one of 200 000 live nonces of 2 000 signing keys', () => {
    const store = storeOf(200_000);
    const expiresAt = clock.now() + 1000;
    const use = (i: number) => store.useNonce(`s-${i % 2_000}`, `n-${i}`, expiresAt);
    for (let i = 0; i < 200_000; i++) use(i);
    clock.advance(1000);
    let reopened = 0;
    for (let i = 0; i < 200_000; i++) if (use(i)) reopened++;
    expect(reopened).toBe(0);
  });

  it('remembers every one of 200 000 live keys', () => {
    const store = storeOf(200_000);
    const expiresAt = clock.now() + 1000;
    for (let i = 0; i < 200_000; i++) store.use(`key-${i}`, expiresAt);
    clock.advance(1000);
    let reopened = 0;
    for (let i = 0; i < 200_000; i++) if (store.use(`key-${i}`, expiresAt)) reopened++;
    expect(reopened).toBe(0);
  });
});
