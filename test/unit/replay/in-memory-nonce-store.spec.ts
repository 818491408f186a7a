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

  it('stores a key through the millisecond it expires in', () => {
    const store = storeOf(10);
    const expiresAt = clock.now() + 1000;
    store.use('key', expiresAt);
    clock.advance(1000);
    expect(store.use('key', expiresAt)).toBe(false);
    clock.advance(1);
    expect(store.use('key', expiresAt + 1000)).toBe(true);
  });

  describe('when it is full', () => {
    it('accepts only what expires later than everything it has dropped', () => {
      const store = storeOf(3);
      const now = clock.now();
      ['a', 'b', 'c', 'd'].forEach((key, at) => {
        expect(store.use(key, now + 1000 + at)).toBe(true);
      });
      expect(store.size).toBe(3);
      expect(refusalOf(() => store.use('a', now + 1000))).toBe('EVENT_EXPIRED');
      for (const key of ['b', 'c', 'd']) expect(store.use(key, now + 1001)).toBe(false);
      for (let key = 0; key < 50; key++)
        expect(store.use(`fresh-${key}`, now + 2000 + key)).toBe(true);
      expect(refusalOf(() => store.use('d', now + 1003))).toBe('EVENT_EXPIRED');
      expect(store.size).toBe(3);
    });

    it('accepts nothing twice, in any order of expiry', () => {
      const store = storeOf(20);
      const passed = new Set<string>();
      let random = 1;
      for (let step = 0; step < 5_000; step++) {
        random = (random * 48_271) % 2_147_483_647;
        const key = `${random % 400}`;
        const expiresAt = clock.now() + 1000 + ((Number(key) * 7) % 400);
        let isNew: unknown;
        const refusal = refusalOf(() => (isNew = store.use(key, expiresAt)));
        expect([undefined, 'EVENT_EXPIRED']).toContain(refusal);
        if (isNew !== true) continue;
        expect(passed).not.toContain(key);
        passed.add(key);
      }
      expect(passed.size).toBeGreaterThan(20);
    });

    it('drops nonces of one signing key at the expense of that key only', () => {
      const store = storeOf(1);
      const expiresAt = clock.now() + 1000;
      store.useNonce('flooding', 'a', expiresAt);
      store.useNonce('flooding', 'b', expiresAt + 1);
      expect(refusalOf(() => store.useNonce('flooding', 'a', expiresAt))).toBe('EVENT_EXPIRED');
      expect(store.useNonce('calm', 'a', expiresAt)).toBe(true);
    });

    it('bounds the number of watermarks and loses none', () => {
      const store = storeOf(1);
      const expiresAt = clock.now() + 1000;
      for (let key = 0; key < 1_001; key++) store.useNonce(`${key}`, 'n', expiresAt);
      store.useNonce('last', 'n', expiresAt + 9);
      expect(refusalOf(() => store.useNonce('0', 'n', expiresAt))).toBe('EVENT_EXPIRED');
      expect(store.useNonce('0', 'n', expiresAt + 1)).toBe(true);
    });
  });

  it('rejects what was created before it started, because an earlier process may have accepted it', () => {
    const store = storeOf(10);
    const expiresAt = clock.now() + 1000;
    expect(refusalOf(() => store.use('old', expiresAt, clock.now() - 1))).toBe('EVENT_EXPIRED');
    expect(store.use('new', expiresAt, clock.now())).toBe(true);
    expect(store.use('new', expiresAt, clock.now() - 1)).toBe(false);
  });

  it('still stores a key that was used again after it had expired', () => {
    const store = storeOf(10);
    store.use('first', clock.now() + 500);
    store.use('again', clock.now() + 100);
    clock.advance(101);
    expect(store.use('again', clock.now() + 1000)).toBe(true);
    clock.advance(600);
    for (const key of ['x', 'y', 'z']) store.use(key, clock.now() + 1000);
    expect(store.use('again', clock.now() + 1000)).toBe(false);
  });

  it('holds few more keys than are live, however many are used over time', () => {
    const store = storeOf(1_000_000);
    const lifetime = 1_000;
    let largest = 0;
    for (let i = 0; i < 200_000; i++) {
      store.use(`key-${i}`, clock.now() + lifetime);
      largest = Math.max(largest, store.size);
      clock.advance(1);
    }
    expect(largest).toBeGreaterThanOrEqual(lifetime);
    // The table has a third more places than live keys, and each use checks sixteen. The order of the keys is random.
    expect(largest).toBeLessThanOrEqual(1.2 * lifetime);
  });

  it('shrinks after a burst as further keys are used', () => {
    const store = storeOf(100_000);
    for (let i = 0; i < 50_000; i++) store.use(`burst-${i}`, clock.now() + 1000);
    clock.advance(1001);
    for (let i = 0; i < 50_000; i++) {
      store.use(`later-${i}`, clock.now() + 10);
      clock.advance(1);
    }
    expect(store.size).toBeLessThanOrEqual(20);
  });

  it('shrinks after a burst of signing keys that signed once, as further ones do', () => {
    const store = storeOf(100_000);
    for (let i = 0; i < 50_000; i++) store.useNonce(`s-${i}`, 'nonce', clock.now() + 1000);
    clock.advance(1001);
    for (let i = 0; i < 51_000; i++) {
      store.useNonce(`t-${i}`, 'nonce', clock.now() + 10);
      clock.advance(1);
    }
    expect(store.size).toBeLessThanOrEqual(30);
  });

  it('removes signing keys that are no longer used', () => {
    const store = storeOf(1_000_000);
    let largest = 0;
    let refused = 0;
    for (let i = 0; i < 50_000; i++) {
      // Ten nonces per key, and each key is used for ten milliseconds.
      const keyId = `s-${Math.floor(i / 10)}`;
      if (!store.useNonce(keyId, `n-${i % 10}`, clock.now() + 1000)) refused++;
      largest = Math.max(largest, store.size);
      clock.advance(1);
    }
    expect(refused).toBe(0);
    expect(largest).toBeLessThanOrEqual(1_100);
    clock.advance(1001);
    for (let i = 0; i < 2_000; i++) store.use(`later-${i}`, clock.now());
    expect(store.size).toBeLessThanOrEqual(2_000);
  });

  it('still stores nonces that were used again after they had expired, in any order of sweeps', () => {
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

  it('stores every one of 200,000 live nonces of 2,000 signing keys', () => {
    const store = storeOf(200_000);
    const expiresAt = clock.now() + 1000;
    const use = (i: number) => store.useNonce(`s-${i % 2_000}`, `n-${i}`, expiresAt);
    for (let i = 0; i < 200_000; i++) use(i);
    clock.advance(1000);
    let reopened = 0;
    for (let i = 0; i < 200_000; i++) if (use(i)) reopened++;
    expect(reopened).toBe(0);
  });

  it('stores every one of 200,000 live keys', () => {
    const store = storeOf(200_000);
    const expiresAt = clock.now() + 1000;
    for (let i = 0; i < 200_000; i++) store.use(`key-${i}`, expiresAt);
    clock.advance(1000);
    let reopened = 0;
    for (let i = 0; i < 200_000; i++) if (store.use(`key-${i}`, expiresAt)) reopened++;
    expect(reopened).toBe(0);
  });
});
