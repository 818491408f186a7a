import * as fc from 'fast-check';
import { hashOf, KeyTable } from '../../lib/key-table.js';

fc.configureGlobal({ seed: 20_261_128 });

const MAX = 1_000;

describe('a table whose keys have owners', () => {
  const add = (table: KeyTable, owner: string, n: number, now = 0, time = 1) => {
    const key = `${owner} ${n}`;
    return table.find(hashOf(key), key) === 0
      ? table.add(now, hashOf(key), time, key, '', owner)
      : true;
  };

  it('has room for a new owner, however many owners claim as much as possible', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), greedy => {
        const table = new KeyTable(MAX);
        for (let n = 0; n < MAX; n++)
          for (let owner = 0; owner < greedy; owner++) add(table, `owner-${owner}`, n);
        expect(add(table, 'newcomer', 0)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it('counts for each owner exactly its keys in the table', () => {
    const step = fc.record({
      owner: fc.constantFrom('ann', 'bob', 'mallory'),
      n: fc.nat(400),
      time: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 500, maxLength: 1_500 }), steps => {
        const table = new KeyTable(100);
        steps.forEach(({ owner, n, time }, now) => {
          add(table, owner, n, now, now + time);
        });
        // After all keys have expired, every owner has the share of a new one again.
        for (let now = 2_000; table.size > 1; now++) table.add(now, 1, now, `last ${now}`);
        for (const owner of ['ann', 'bob', 'mallory', 'newcomer']) {
          let held = 0;
          while (table.add(0, held, 10_000, `${owner} again ${held}`, '', owner)) held++;
          expect(held).toBe(11);
          for (let n = 0; n < held; n++) table.remove(table.find(n, `${owner} again ${n}`));
        }
      }),
      { numRuns: 30 },
    );
  });
});
