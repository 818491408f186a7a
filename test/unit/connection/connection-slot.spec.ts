import { setImmediate } from 'node:timers/promises';
import { ConnectionSlot } from '../../../lib/connection/connection-slot.js';
import { ConnectionStore, type SlotClaim } from '../../../lib/connection/connection-store.js';
import { InMemoryConnectionStore } from '../../../lib/connection/in-memory-connection-store.js';

const ADDRESS = { key: 'address:a', limit: 2 };
const USER = { key: 'user:alice', limit: 1 };

/** Answers later, and reads its arguments later still, as a store on the network may. */
class LateStore extends ConnectionStore {
  readonly memory = new InMemoryConnectionStore();

  async acquire(claims: readonly SlotClaim[]) {
    await setImmediate();
    return this.memory.acquire(claims);
  }

  async release(keys: readonly string[]) {
    await setImmediate();
    await setImmediate();
    this.memory.release(keys);
  }

  count(key: string) {
    return this.memory.count(key);
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

describe('ConnectionSlot', () => {
  it('is released once, however often release() is called', () => {
    const store = new InMemoryConnectionStore();
    const slots = [new ConnectionSlot(), new ConnectionSlot()];
    for (const slot of slots) void slot.claim(store, [ADDRESS]);
    for (let call = 0; call < 3; call++) slots[0]!.release();
    expect(store.count(ADDRESS.key)).toBe(1);
  });

  it('releases every counter, including those claimed later and in another store', () => {
    const stores = [new InMemoryConnectionStore(), new InMemoryConnectionStore()] as const;
    const slot = new ConnectionSlot();
    expect(slot.claim(stores[0], [ADDRESS])).toBeUndefined();
    expect(slot.claim(stores[1], [USER])).toBeUndefined();
    expect([stores[0].count(ADDRESS.key), stores[1].count(USER.key)]).toEqual([1, 1]);
    slot.release();
    expect([stores[0].size, stores[1].size]).toEqual([0, 0]);
  });

  it('counts once if it claims the same keys again', () => {
    const store = new InMemoryConnectionStore();
    const slot = new ConnectionSlot();
    for (let times = 0; times < 5; times++)
      expect(slot.claim(store, [USER, ADDRESS])).toBeUndefined();
    expect([store.count(USER.key), store.count(ADDRESS.key)]).toEqual([1, 1]);
  });

  it('does not release what it was refused: all or nothing', () => {
    const store = new InMemoryConnectionStore();
    store.acquire([USER]);
    const slot = new ConnectionSlot();
    expect(slot.claim(store, [ADDRESS, USER])).toEqual(USER);
    slot.release();
    expect([store.count(USER.key), store.count(ADDRESS.key)]).toEqual([1, 0]);
  });

  it('does not leak or release twice if it is released during a claim', async () => {
    const store = new LateStore();
    const [slot, other] = [new ConnectionSlot(), new ConnectionSlot()];
    void slot.claim(store.memory, [ADDRESS]);
    void other.claim(store.memory, [{ ...USER, limit: 9 }]);
    const claimed = slot.claim(store, [{ ...USER, limit: 9 }]);
    slot.release();
    await claimed;
    await settled();
    expect(store.memory.count(ADDRESS.key)).toBe(0);
    expect(store.memory.count(USER.key)).toBe(1);
  });

  it('returns a refusal that arrives after its release, and does not leak', async () => {
    const store = new LateStore();
    store.memory.acquire([USER]);
    const slot = new ConnectionSlot();
    const claimed = slot.claim(store, [USER]);
    slot.release();
    expect(await claimed).toEqual(USER);
    await settled();
    expect(store.count(USER.key)).toBe(1);
  });

  it.each(['throws', 'rejects'])('does not throw on release if the store %s', async how => {
    const store = new InMemoryConnectionStore();
    const fails = (): void | Promise<void> => {
      if (how === 'throws') throw new Error('down');
      return Promise.reject(new Error('down'));
    };
    const slot = new ConnectionSlot();
    void slot.claim(store, [ADDRESS]);
    Object.assign(store, { release: fails });
    expect(() => {
      slot.release();
    }).not.toThrow();
    await settled();
  });
});
