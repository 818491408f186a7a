import type { NonceStore } from '../../lib/replay/index.js';

export interface NonceStoreHarness {
  store: NonceStore;
  /** The store's time, in milliseconds since the Unix epoch. */
  now(): number;
  /** Advances the time of the store: by a fake clock or by waiting. */
  pass(milliseconds: number): void | Promise<void>;
  close?(): void | Promise<void>;
}

const LIFETIME = 2_000;
/** The distance to an expiry at which tests check, so that a store on a real clock can keep up. */
const MARGIN = 1_000;

/** The contract of every NonceStore, wherever it keeps its keys. */
export function nonceStoreContract(
  name: string,
  makeStore: () => NonceStoreHarness | Promise<NonceStoreHarness>,
): void {
  describe(`${name} as a NonceStore`, () => {
    let harness: NonceStoreHarness;

    beforeEach(async () => {
      harness = await makeStore();
    });

    afterEach(async () => {
      await harness.close?.();
    });

    const use = async (key: string, lifetime = LIFETIME) =>
      harness.store.use(key, harness.now() + lifetime);

    it('accepts a key exactly once', async () => {
      expect(await use('key')).toBe(true);
      expect(await use('key')).toBe(false);
      expect(await use('key')).toBe(false);
    });

    it('does not consume the nonce of an event that is rejected for another reason', async () => {
      const useIf = (isAdmitted: boolean) =>
        harness.store.useNonceIf(
          Promise.resolve(isAdmitted),
          'key',
          'nonce',
          harness.now() + LIFETIME,
        );
      expect([await useIf(false), await useIf(false)]).toEqual([false, false]);
      expect([await useIf(true), await useIf(true)]).toEqual([true, false]);
      expect(await useIf(false)).toBe(false);
      expect(await useIf(true)).toBe(false);
    });

    it('distinguishes keys', async () => {
      expect(await use('a:b')).toBe(true);
      expect(await use('a')).toBe(true);
      expect(await use('b')).toBe(true);
      expect(await use('A:b')).toBe(true);
    });

    it('accepts exactly one of 100 concurrent uses', async () => {
      const passed = await Promise.all(Array.from({ length: 100 }, () => use('contested')));
      expect(passed.filter(Boolean)).toHaveLength(1);
    });

    it('stores a key until it expires', async () => {
      await use('key');
      await harness.pass(LIFETIME - MARGIN);
      expect(await use('key')).toBe(false);
    });

    it('drops a key after it has expired', async () => {
      await use('key');
      await harness.pass(LIFETIME + MARGIN);
      expect(await use('key')).toBe(true);
      expect(await use('key')).toBe(false);
    });

    it('stores a key with a longer lifetime longer than those with a shorter one', async () => {
      await use('long', 3 * LIFETIME);
      await use('short');
      await harness.pass(LIFETIME + MARGIN);
      expect(await use('short')).toBe(true);
      expect(await use('long')).toBe(false);
    });

    it('does not extend the lifetime of a key when it is rejected', async () => {
      await use('key');
      expect(await use('key', 10 * LIFETIME)).toBe(false);
      await harness.pass(LIFETIME + MARGIN);
      expect(await use('key')).toBe(true);
    });

    it('distinguishes nonces by signing key', async () => {
      const soon = () => harness.now() + LIFETIME;
      expect(await harness.store.useNonce('one', 'nonce', soon())).toBe(true);
      expect(await harness.store.useNonce('other', 'nonce', soon())).toBe(true);
      expect(await harness.store.useNonce('one', 'nonce', soon())).toBe(false);
    });

    it.each(['__proto__', 'constructor', '', ' ', 'a\nb', '*', '{a}', 'ключ-🔑', 'k'.repeat(200)])(
      'treats %j like any other key',
      async key => {
        expect(await use(key)).toBe(true);
        expect(await use(key)).toBe(false);
      },
    );
  });
}
