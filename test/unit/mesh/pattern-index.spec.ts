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
  it('finds for every type whoever has a pattern that matches it, each once', () => {
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

  it('finds what is left when some are removed, in any order, and keeps nothing of the rest', () => {
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

  it('is not changed by removing what it does not have', () => {
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

  it('gives an answer that stays what it was', () => {
    const index = new PatternIndex<number>();
    index.add('a', 1);
    const found = index.match('a');
    index.add('a', 2);
    index.remove('a', 1);
    expect([...found]).toEqual([1]);
  });

  it('looks at no more of 100 000 patterns than lead towards the type', () => {
    const index = new PatternIndex<number>();
    for (let at = 0; at < 100_000; at++) index.add(`room.${at}.*`, at);
    expect(index.match('room.7.said').size).toBe(1);
    const time = leastCpuTime(() => {
      for (let round = 0; round < 100; round++) index.match('room.7.said');
    });
    // A scan takes some 10 ms each.
    expect(time).toBeLessThan(100);
  });
});

describe('coversPattern', () => {
  it('says yes only where the wider matches every type the narrower does', () => {
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

  it('says yes to every pattern for itself, and for ** of all', () => {
    fc.assert(
      fc.property(patterns, pattern => {
        expect(coversPattern(pattern, pattern)).toBe(true);
        expect(coversPattern('**', pattern)).toBe(true);
      }),
    );
  });
});
