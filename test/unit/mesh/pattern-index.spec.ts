import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { coversPattern, matchesPattern } from '../../../lib/event/index.js';
import { PatternIndex } from '../../../lib/mesh/pattern-index.js';
import { leastCpuTime } from '../../helpers/cpu-time.js';

fc.configureGlobal({ seed: 20_261_128 });

const joined = (segments: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength }).map(parts => parts.join('.'));
const types = joined(['a', 'b', 'ab', '*', '**', '__proto__', ''], 7);
const patterns = joined(['a', 'b', 'ab', '*', '**', '**', '__proto__'], 6);
const pairs = fc.array(fc.tuple(patterns, fc.nat({ max: 5 })), { maxLength: 25 });

describe('PatternIndex', () => {
  it('finds for every type each value with a matching pattern, once', () => {
    fc.assert(
      fc.property(pairs, types, (all, type) => {
        const index = new PatternIndex<number>();
        for (const [pattern, value] of all) index.add(pattern, value);
        const expected = all.filter(([pattern]) => matchesPattern(type, pattern));
        expect(index.match(type)).toEqual(new Set(expected.map(([, value]) => value)));
        expect(index.size).toBe(all.length);
      }),
      { numRuns: 3_000 },
    );
  });

  it('finds what is left after removals in any order, and keeps nothing of the rest', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(12).keys()]), pairs, types, (order, all, type) => {
        const index = new PatternIndex<number>();
        for (const [pattern, value] of all) index.add(pattern, value);
        const gone = new Set(order.filter(at => at < all.length));
        for (const at of order) if (gone.has(at)) index.remove(...(all[at] as [string, number]));
        const left = all.filter((_, at) => !gone.has(at));
        const expected = left.filter(([pattern]) => matchesPattern(type, pattern));
        expect(index.match(type)).toEqual(new Set(expected.map(([, value]) => value)));
        expect(index.size).toBe(left.length);

        for (const [pattern, value] of left) index.remove(pattern, value);
        expect(index).toEqual(new PatternIndex());
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not change if an unknown pattern is removed', () => {
    const index = new PatternIndex<number>();
    index.add('a.**.b', 1);
    for (const [pattern, value] of [
      ['a.**.b', 2],
      ['a.**', 1],
      ['a.**.b.c', 1],
      ['b', 1],
      ['a', 1],
    ] as const)
      index.remove(pattern, value);
    expect([...index.match('a.x.b')]).toEqual([1]);
    expect(index.size).toBe(1);
  });

  it('returns a result that does not change later', () => {
    const index = new PatternIndex<number>();
    index.add('a', 1);
    const found = index.match('a');
    index.add('a', 2);
    index.remove('a', 1);
    expect([...found]).toEqual([1]);
  });

  it('uses less than 100 kB for the largest patterns of one client', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const index = new PatternIndex<number>();
    const clients = 50;
    const segment = (client: number, pattern: number, at: number) =>
      ((client * 32 + pattern) * 16 + at).toString(36);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let client = 0; client < clients; client++)
      for (let pattern = 0; pattern < 32; pattern++) {
        const segments = Array.from({ length: 16 }, (_, at) => segment(client, pattern, at));
        index.add(segments.join('.').padEnd(256, 'x'), client);
      }
    collect();
    const each = (process.memoryUsage().heapUsed - before) / clients;
    expect(each).toBeLessThan(100_000);
    expect(index.size).toBe(32 * clients);
  });

  it('takes time for the prefixes of the type only, with 100,000 patterns', () => {
    const index = new PatternIndex<number>();
    for (let at = 0; at < 100_000; at++) index.add(`room.${at}.*`, at);
    expect(index.match('room.7.said').size).toBe(1);
    const time = leastCpuTime(() => {
      for (let round = 0; round < 100; round++) index.match('room.7.said');
    });
    // A scan takes about 10 ms.
    expect(time).toBeLessThan(100);
  });
});

describe('coversPattern', () => {
  it('returns true only if the wider pattern matches every type of the narrower one', () => {
    fc.assert(
      fc.property(
        patterns,
        patterns,
        fc.array(types, { maxLength: 30 }),
        (wider, narrower, all) => {
          fc.pre(coversPattern(wider, narrower));
          for (const type of all)
            if (matchesPattern(type, narrower))
              expect([type, matchesPattern(type, wider)]).toEqual([type, true]);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('returns true for every pattern and itself, and for ** and every pattern', () => {
    fc.assert(
      fc.property(patterns, pattern => {
        expect(coversPattern(pattern, pattern)).toBe(true);
        expect(coversPattern('**', pattern)).toBe(true);
      }),
    );
  });
});
