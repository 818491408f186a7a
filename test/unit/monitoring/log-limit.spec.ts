import fc from 'fast-check';
import { LogLimit } from '../../../lib/monitoring/index.js';

fc.configureGlobal({ seed: 20_261_128, numRuns: 1_000 });

const time = () => fc.double({ min: 0, max: 1e9, noNaN: true });

describe('a limit of lines in a log', () => {
  it('has the whole burst told at once, and the next one after the interval, whenever that is', () => {
    fc.assert(
      fc.property(time(), fc.integer({ min: 1, max: 10 }), (now, burst) => {
        const limit = new LogLimit(burst, 1_000);
        const told = Array.from({ length: burst + 3 }, () => limit.take(now));
        expect(told).toEqual([
          ...Array(burst).fill(0),
          undefined,
          undefined,
          undefined,
        ] as unknown[]);
        expect(limit.take(now + 1_001)).toBe(3);
        expect(limit.take(now + 1_002)).toBeUndefined();
      }),
    );
  });
});
