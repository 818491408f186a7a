import { hashOf, KeyTable } from '../../lib/key-table.js';

describe('KeyTable', () => {
  let table: KeyTable;

  beforeEach(() => {
    table = new KeyTable(100_000);
  });

  /** Adds a key at time zero, when nothing has expired. */
  const add = (key: string, time = 5, scope = '') => table.add(0, hashOf(key), time, key, scope);
  const find = (key: string, scope = '') => table.find(hashOf(key), key, scope);
  const timeOf = (key: string) => table.times[find(key)];
  const fill = (count: number, time?: number) => {
    for (let n = 0; n < count; n++) add(`key-${n}`, time);
  };
  /** Adds a key that expires before the next one is added. */
  const addAt = (now: number) => table.add(now, 7, now, `at ${now}`);

  it('finds exactly the added keys', () => {
    expect(find('key')).toBe(0);
    expect(add('key', 7)).toBe(true);
    expect(timeOf('key')).toBe(7);
    expect(find('Key')).toBe(0);
    expect(find('')).toBe(0);
  });

  it('distinguishes keys by their scope', () => {
    add('key', 1, 'one');
    expect(find('key')).toBe(0);
    expect(find('key', 'other')).toBe(0);
    add('key', 2, 'other');
    expect(table.times[find('key', 'one')]).toBe(1);
    expect(table.times[find('key', 'other')]).toBe(2);
  });

  it('distinguishes keys that share a hash, the last slot, or all slots after it', () => {
    const hashes = [-1, 0, 1, -2];
    for (const hash of hashes)
      for (let n = 0; n < 30; n++) table.add(-10, hash, hash + n, `${n} of ${hash}`);
    for (const hash of hashes) {
      for (let n = 0; n < 30; n++)
        expect(table.times[table.find(hash, `${n} of ${hash}`)]).toBe(hash + n);
      expect(table.find(hash, 'missing')).toBe(0);
    }
  });

  it('keeps every key and its time while it grows a hundredfold', () => {
    for (let n = 0; n < 10_000; n++) add(`key-${n}`, n);
    for (let n = 0; n < 10_000; n++) expect(timeOf(`key-${n}`)).toBe(n);
    expect(table.size).toBe(10_000);
  });

  it('rejects keys when full, and evicts none', () => {
    table = new KeyTable(100);
    fill(100);
    expect(add('one more')).toBe(false);
    expect(find('one more')).toBe(0);
    for (let n = 0; n < 100; n++) expect(timeOf(`key-${n}`)).toBe(5);
    table.remove(find('key-50'));
    expect(add('one more')).toBe(true);
    expect(add('and another')).toBe(false);
  });

  it('does not find a removed key, and still finds the keys after it', () => {
    for (let n = 0; n < 50; n++) table.add(0, 5, n, `key-${n}`);
    for (let n = 0; n < 50; n += 2) table.remove(table.find(5, `key-${n}`));
    for (let n = 0; n < 50; n++) {
      const place = table.find(5, `key-${n}`);
      if (n % 2) expect(table.times[place]).toBe(n);
      else expect(place).toBe(0);
    }
    expect(table.size).toBe(25);
  });

  it('accepts a removed key again', () => {
    add('key', 1);
    table.remove(find('key'));
    add('key', 2);
    expect(timeOf('key')).toBe(2);
    expect(table.size).toBe(1);
  });

  it('removes expired keys, and none in its last millisecond', () => {
    add('over', 9);
    add('last moment', 10);
    add('ever', Infinity);
    addAt(10);
    expect(find('over')).toBe(0);
    expect(find('last moment')).not.toBe(0);
    addAt(11);
    expect(find('last moment')).toBe(0);
    expect(find('ever')).not.toBe(0);
    expect(table.size).toBe(2);
  });

  it('uses the time that was set last', () => {
    add('key', 1);
    table.times[find('key')] = 20;
    addAt(10);
    expect(timeOf('key')).toBe(20);
  });

  it('sweeps sixteen keys per added key, continues where it stopped, and wraps around', () => {
    fill(40);
    for (let round = 0; round < 10; round++) table.add(5, round, 100, `live ${round}`);
    expect(table.size).toBe(50);
    const sizes = [0, 0, 0, 0, 0].map((_, n) => {
      addAt(200 + n);
      return table.size;
    });
    expect(sizes[0]).toBe(50 - 16 + 1);
    expect(sizes.at(-1)).toBeLessThan(5);
  });

  it('reuses the space of removed keys', () => {
    fill(10_000);
    for (let now = 6; now < 20_000; now++) addAt(now);
    expect(table.size).toBeLessThan(5);
    expect(table.find(7, 'at 19999')).toBeLessThan(100);
  });
});

describe('hash of a key', () => {
  it('changes with each character, its position and what precedes it', () => {
    const texts = ['', 'a', 'b', 'aa', 'ab', 'ba', 'a\0', 'a'.repeat(300), 'a'.repeat(299) + 'b'];
    const swapped = ['x' + 'a'.repeat(255) + 'y', 'y' + 'a'.repeat(255) + 'x'];
    const all = [...texts, ...swapped];
    const hashes = [...all.map(text => hashOf(text)), ...all.map(text => hashOf(text, 1_000_003))];
    expect(new Set(hashes).size).toBe(2 * all.length);
  });

  it('spreads numbered keys over its upper bits', () => {
    const uppers = Array.from({ length: 65_536 }, (_, n) => hashOf(`key-${n}`) >>> 16);
    // A random function gives about 63 %.
    expect(new Set(uppers).size).toBeGreaterThan(15_000);
  });
});
