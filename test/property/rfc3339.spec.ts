import fc from 'fast-check';
import { parseRfc3339 } from '../../lib/event/index.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 500 });

const FIRST = new Date('0000-01-02T00:00:00Z');
const LAST = new Date('9999-12-30T00:00:00Z');
const instants = fc.date({ min: FIRST, max: LAST, noInvalidDate: true });
const pad = (value: number, width = 2) => String(value).padStart(width, '0');

describe('parseRfc3339', () => {
  it('parses every instant that Date writes', () => {
    fc.assert(
      fc.property(instants, date => {
        expect(parseRfc3339(date.toISOString())).toBe(date.getTime());
      }),
    );
  });

  it('parses the same instant with any offset', () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: -1_439, max: 1_439 }), (date, minutes) => {
        const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(minutes);
        const offset = `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;

        expect(parseRfc3339(local + offset)).toBe(date.getTime());
      }),
    );
  });

  it('parses three digits of a fraction, whatever follows', () => {
    const digits = fc.stringMatching(/^\d{1,9}$/);
    fc.assert(
      fc.property(digits, fc.constantFrom('Z', 'z', '+00:00', '-00:00'), (fraction, offset) => {
        const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));

        expect(parseRfc3339(`1970-01-01T00:00:00.${fraction}${offset}`)).toBe(milliseconds);
      }),
      { numRuns: 2_000 },
    );
  });

  it('agrees with Date on which days and times exist, except leap seconds', () => {
    const field = fc.integer({ min: 0, max: 61 }).filter(value => value !== 60);
    const fields = fc.tuple(fc.nat(9_999), fc.nat(13), fc.nat(32), fc.nat(25), field, field);
    fc.assert(
      fc.property(fields, ([year, month, day, hour, minute, second]) => {
        const text = `${pad(year, 4)}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}Z`;
        const date = new Date(text);
        // Date turns 30 February and 24:00 into the next day.
        const exists =
          !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, 19));

        expect(parseRfc3339(text)).toBe(exists ? date.getTime() : undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('returns a whole number or undefined for any text', () => {
    const shaped = fc.stringMatching(
      /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:[0-6]\d(\.\d{0,12})?([Zz]|[+-]\d\d:\d\d)?$/,
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), shaped), text => {
        const instant = parseRfc3339(text);

        expect(instant === undefined || Number.isSafeInteger(instant)).toBe(true);
      }),
    );
  });
});
