import * as fc from 'fast-check';
import { KeyTable } from '../../lib/key-table.js';

fc.configureGlobal({ seed: 20_261_128 });

/**
 * Few keys and fewer hashes, so that keys collide, but enough of both that the table often moves
 * them together.
 */
const step = fc.record({
  key: fc.nat(300),
  time: fc.nat(60),
  move: fc.constantFrom('add', 'add', 'remove', 'set' as const),
});

describe('KeyTable', () => {
  it('keeps what a Map would keep, whatever keys share a hash', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 7, 1_000),
        fc.array(step, { minLength: 300, maxLength: 1_500 }),
        (spread, steps) => {
          const table = new KeyTable(200);
          const model = new Map<string, number>();
          const hashOf = (key: number) => Math.imul(key % spread, 0x9e3779b1);
          const find = (key: number) => table.find(hashOf(key), `${key}`);
          /** Only expired keys may be dropped, and only when a key is added. */
          const forget = (now: number) => {
            for (let key = 0; key <= 300; key++)
              if (!find(key) && (model.get(`${key}`) ?? now) < now) model.delete(`${key}`);
          };
          steps.forEach(({ key, time, move }, now) => {
            const place = find(key);
            expect(place ? table.times[place] : undefined).toBe(model.get(`${key}`));
            if (move === 'remove' && place) {
              table.remove(place);
              model.delete(`${key}`);
            } else if (move === 'set' && place) {
              table.times[place] = now + time;
              model.set(`${key}`, now + time);
            } else if (move === 'add' && !place) {
              const isAdded = table.add(now, hashOf(key), now + time, `${key}`);
              forget(now);
              expect(isAdded).toBe(model.size < 200);
              if (isAdded) model.set(`${key}`, now + time);
            }
            expect(table.size).toBe(model.size);
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
