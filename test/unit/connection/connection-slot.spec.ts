import { setImmediate } from 'node:timers/promises';
import {
  ConnectionSlot,
  ConnectionStore,
  InMemoryConnectionStore,
  type SlotClaim,
} from '../../../lib/connection/index.js';

const ADDRESS = { key: 'address:a', limit: 1 };
const USER = { key: 'user:alice', limit: 1 };

/** Answers later, as a store on the network does. */
class LateStore extends ConnectionStore {
  readonly memory = new InMemoryConnectionStore();
  readonly releases: string[][] = [];

  async acquire(claims: readonly SlotClaim[]) {
    await setImmediate();
    return this.memory.acquire(claims);
  }

  async release(keys: readonly string[]) {
    this.releases.push([...keys]);
    this.memory.release(keys);
  }

  count(key: string) {
    return this.memory.count(key);
  }
}

/** A slot with a place already. */
function occupied(memory: InMemoryConnectionStore): ConnectionSlot {
  const slot = new ConnectionSlot();
  void slot.claim(memory, [ADDRESS]);
  return slot;
}

describe('a slot', () => {
  it('is given back once, however often that is told', () => {
    const store = new InMemoryConnectionStore();
    const slot = occupied(store);
    store.acquire([{ key: 'address:a', limit: 9 }]);
    for (let told = 0; told < 3; told++) slot.release();
    expect(store.count('address:a')).toBe(1);
  });

  it('is given back in all counts, those claimed later included', () => {
    const store = new InMemoryConnectionStore();
    const slot = occupied(store);
    expect(slot.claim(store, [USER])).toBeUndefined();
    expect(store.count(USER.key)).toBe(1);
    slot.release();
    expect(store.size).toBe(0);
  });

  it('counts once where it claims the same again', () => {
    const store = new InMemoryConnectionStore();
    const slot = occupied(store);
    for (let times = 0; times < 5; times++) expect(slot.claim(store, [USER])).toBeUndefined();
    expect(store.count(USER.key)).toBe(1);
  });

  it('does not give back what it was refused', () => {
    const store = new InMemoryConnectionStore();
    const slot = occupied(store);
    store.acquire([USER]);
    expect(slot.claim(store, [USER])).toEqual(USER);
    slot.release();
    expect(store.count(USER.key)).toBe(1);
  });

  it('takes a place in all counts or in none', () => {
    const store = new InMemoryConnectionStore();
    const slot = occupied(store);
    store.acquire([USER]);
    expect(slot.claim(store, [{ key: 'all', limit: 9 }, USER])).toEqual(USER);
    expect(store.count('all')).toBe(0);
  });

  it('gives each store back what it counted', () => {
    const [one, other] = [new InMemoryConnectionStore(), new InMemoryConnectionStore()];
    const slot = occupied(one);
    expect(slot.claim(other, [USER])).toBeUndefined();
    slot.release();
    expect([one.size, other.size]).toEqual([0, 0]);
  });

  it('leaks nothing when it ends while the store is still asked', async () => {
    const store = new LateStore();
    const slot = occupied(store.memory);
    const claimed = slot.claim(store, [USER]);
    slot.release();
    await claimed;
    expect(store.memory.size).toBe(0);
    expect(store.releases.flat()).toEqual([USER.key]);
  });

  it('is told a refusal that comes late, and leaks nothing by it', async () => {
    const store = new LateStore();
    const slot = occupied(store.memory);
    store.memory.acquire([USER]);
    const claimed = slot.claim(store, [USER]);
    slot.release();
    expect(await claimed).toEqual(USER);
    expect(store.count(USER.key)).toBe(1);
    expect(store.count('address:a')).toBe(0);
  });
});
