import type { NonceStore } from '../../lib/replay/index.js';

export interface NonceStoreHarness {
  store: NonceStore;
  /** The store's time, in milliseconds since the Unix epoch. */
  now(): number;
  /** Lets time pass for the store: on a fake clock, or by waiting. */
  pass(milliseconds: number): void | Promise<void>;
  close?(): void | Promise<void>;
}

const LIFETIME = 2_000;
/** How far from an expiry we look, so that a store on a real clock can keep up. */
const MARGIN = 1_000;

/** What must hold of every NonceStore, wherever it keeps its keys. */
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

    it('lets a key be used exactly once', async () => {
      expect(await use('key')).toBe(true);
      expect(await use('key')).toBe(false);
      expect(await use('key')).toBe(false);
    });

    it('keeps keys apart', async () => {
      expect(await use('a:b')).toBe(true);
      expect(await use('a')).toBe(true);
      expect(await use('b')).toBe(true);
      expect(await use('A:b')).toBe(true);
    });

    it('lets exactly one of 100 simultaneous uses pass', async () => {
      const passed = await Promise.all(Array.from({ length: 100 }, () => use('contested')));
      expect(passed.filter(Boolean)).toHaveLength(1);
    });

    it('remembers a key until it expires', async () => {
      await use('key');
      await harness.pass(LIFETIME - MARGIN);
      expect(await use('key')).toBe(false);
    });

    it('forgets a key after it has expired', async () => {
      await use('key');
      await harness.pass(LIFETIME + MARGIN);
      expect(await use('key')).toBe(true);
      expect(await use('key')).toBe(false);
    });

    it('remembers a key used with a longer life beyond those used with a shorter one', async () => {
      await use('long', 3 * LIFETIME);
      await use('short');
      await harness.pass(LIFETIME + MARGIN);
      expect(await use('short')).toBe(true);
      expect(await use('long')).toBe(false);
    });

    it('does not remember a key any longer because it was refused again', async () => {
      await use('key');
      expect(await use('key', 10 * LIFETIME)).toBe(false);
      await harness.pass(LIFETIME + MARGIN);
      expect(await use('key')).toBe(true);
    });

    it('takes a nonce for used by its own signing key only', async () => {
      const soon = () => harness.now() + LIFETIME;
      expect(await harness.store.useNonce('one', 'nonce', soon())).toBe(true);
      expect(await harness.store.useNonce('other', 'nonce', soon())).toBe(true);
      expect(await harness.store.useNonce('one', 'nonce', soon())).toBe(false);
    });

    it.each([
      [true, false],
      [false, true],
    ])(
      'uses a nonce up behind a limit (passed: %s) as it does without one',
      async (allowed, isLeft) => {
        const decided = Promise.resolve({ allowed, remaining: 0, retryAfter: 0, resetAfter: 0 });
        const soon = harness.now() + LIFETIME;
        const limit = { asked: decided, decided };
        expect(await harness.store.useNonceIf('key', 'nonce', soon, limit)).toBe(allowed);
        expect(await harness.store.useNonce('key', 'nonce', soon)).toBe(isLeft);
      },
    );

    it.each(['__proto__', 'constructor', '', ' ', 'a\nb', '*', '{a}', 'ключ-🔑', 'k'.repeat(200)])(
      'takes %j for a key like any other',
      async key => {
        expect(await use(key)).toBe(true);
        expect(await use(key)).toBe(false);
      },
    );
  });
}
