import fc from 'fast-check';
import { LogLimit } from '../../../lib/monitoring/log-limit.js';

fc.configureGlobal({ seed: 20_261_128, numRuns: 1_000 });

const time = () => fc.double({ min: 0, max: 1e9, noNaN: true });

describe('LogLimit', () => {
  it('allows the whole burst at once, and the next line after the interval', () => {
    fc.assert(
      fc.property(time(), fc.integer({ min: 1, max: 10 }), (now, burst) => {
        const limit = new LogLimit(burst, 1_000);
        const results = Array.from({ length: burst + 3 }, () => limit.take(now));
        expect(results).toEqual([
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
