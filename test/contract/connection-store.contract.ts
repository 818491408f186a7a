import type { ConnectionStore } from '../../lib/connection/index.js';

export interface ConnectionStoreHarness {
  store: ConnectionStore;
  close?(): void | Promise<void>;
}

const LIMIT = 5;
const EVERYONE = { key: 'all', limit: 7 };
const at = (name: string, limit = LIMIT) => ({ key: `address:${name}`, limit });

/** The contract of every ConnectionStore, wherever it keeps its counts. */
export function connectionStoreContract(
  name: string,
  makeStore: () => ConnectionStoreHarness | Promise<ConnectionStoreHarness>,
): void {
  describe(`${name} as a ConnectionStore`, () => {
    let harness: ConnectionStoreHarness;

    beforeEach(async () => {
      harness = await makeStore();
    });

    afterEach(async () => {
      await harness.close?.();
    });

    const acquire = async (...claims: { key: string; limit: number }[]) =>
      harness.store.acquire(claims);
    const release = async (...keys: string[]) => harness.store.release(keys);
    const count = async (key: string) => harness.store.count(key);
    const times = <T>(number: number, step: () => Promise<T>) =>
      Promise.all(Array.from({ length: number }, step));

    it('accepts exactly as many of 100 concurrent connections as the limit', async () => {
      const refusals = await times(100, () => acquire(at('a')));
      expect(refusals.filter(refusal => refusal === undefined)).toHaveLength(LIMIT);
      expect(await count('address:a')).toBe(LIMIT);
    });

    it('returns the claim that is at its limit', async () => {
      await times(LIMIT, () => acquire(at('a'), EVERYONE));
      expect(await acquire(at('a'), EVERYONE)).toMatchObject({ key: 'address:a' });
      await times(2, () => acquire(at('b'), EVERYONE));
      expect(await acquire(at('b'), EVERYONE)).toMatchObject({ key: 'all' });
    });

    it('adds a connection to all counts or to none, whichever claim is at its limit', async () => {
      await times(LIMIT, () => acquire(at('full')));
      expect(await acquire(EVERYONE, at('full'), at('other'))).toBeDefined();
      expect(await acquire(at('other'), at('full'), EVERYONE)).toBeDefined();
      expect(await count('all')).toBe(0);
      expect(await count('address:other')).toBe(0);
      expect(await count('address:full')).toBe(LIMIT);
    });

    it('never exceeds a limit shared by concurrent connections from many addresses', async () => {
      let address = 0;
      const refusals = await times(100, () => acquire(at(`${address++}`), EVERYONE));
      expect(refusals.filter(refusal => refusal === undefined)).toHaveLength(EVERYONE.limit);
      expect(await count('all')).toBe(EVERYONE.limit);
    });

    it('accepts exactly as many connections again as were released', async () => {
      await times(LIMIT, () => acquire(at('a')));
      await times(2, () => release('address:a'));
      const refusals = await times(10, () => acquire(at('a')));
      expect(refusals.filter(refusal => refusal === undefined)).toHaveLength(2);
    });

    it('removes a connection from every count it is released from, and from no other', async () => {
      await times(2, () => acquire(at('a'), at('b'), EVERYONE));
      await release('address:a', 'all');
      expect(await count('address:a')).toBe(1);
      expect(await count('address:b')).toBe(2);
      expect(await count('all')).toBe(1);
    });

    it('never counts below zero, so that an extra release makes no room', async () => {
      await release('address:a');
      await acquire(at('a'));
      await times(3, () => release('address:a'));
      expect(await count('address:a')).toBe(0);
      const refusals = await times(10, () => acquire(at('a')));
      expect(refusals.filter(refusal => refusal === undefined)).toHaveLength(LIMIT);
    });

    it('applies the limit of each claim', async () => {
      await times(3, () => acquire(at('a', 10)));
      expect(await acquire(at('a', 3))).toBeDefined();
      expect(await acquire(at('a', 4))).toBeUndefined();
    });

    it('accepts nothing at a limit of 0, and counts nothing for it', async () => {
      expect(await acquire(at('a', 0))).toMatchObject({ key: 'address:a' });
      expect(await count('address:a')).toBe(0);
    });

    it('counts zero for an unknown key', async () => {
      expect(await count('address:never')).toBe(0);
    });

    it('accepts a connection without claims', async () => {
      expect(await acquire()).toBeUndefined();
      await release();
    });

    it.each(['__proto__', 'constructor', '', 'a\nb', '*', '{a}', 'ключ-🔑', 'k'.repeat(256)])(
      'treats %j like any other key',
      async key => {
        expect(await acquire({ key, limit: 1 })).toBeUndefined();
        expect(await acquire({ key, limit: 1 })).toMatchObject({ key });
        await release(key);
        expect(await count(key)).toBe(0);
      },
    );
  });
}
