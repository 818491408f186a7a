import * as fc from 'fast-check';
import reference from 'canonicalize';
import { canonicalize } from '../../lib/signing/canonicalize.js';

fc.configureGlobal({ seed: 20_261_128 });

/** Any JSON, with names and strings from every plane of Unicode and names of object members. */
const anyName = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'binary' }) },
  fc.constantFrom('__proto__', 'constructor', 'toString', '1', '10', '\ufb33', '😀'),
);
const anyJson = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.array(tie('value')),
    fc.array(fc.tuple(anyName, tie('value'))).map(members => Object.fromEntries(members)),
  ),
})).value;

/** Returns the same value with the members of every object reversed. */
function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const members = Object.entries(value).map(([name, member]) => [name, reversed(member)]);
  return Object.fromEntries(members.reverse() as [string, unknown][]);
}

describe('canonicalize', () => {
  it('agrees with the canonicalize package on any JSON value', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ stringUnit: 'binary' }), anyJson), value => {
        expect(canonicalize(value)).toBe(reference(value));
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with it on objects with few and with many members', () => {
    const members = fc.uniqueArray(fc.tuple(anyName, fc.integer()), {
      selector: ([name]) => name,
      maxLength: 40,
      size: 'max',
    });
    let [few, many] = [0, 0];
    fc.assert(
      fc.property(members, entries => {
        if (entries.length > 16) many++;
        else few++;
        const value = Object.fromEntries(entries);
        expect(canonicalize(value)).toBe(reference(value));
      }),
    );
    expect(Math.min(few, many)).toBeGreaterThan(10);
  });

  it('writes a name the same way the second time, however many and long names are', () => {
    const names = Array.from({ length: 300 }, (_, n) => `${n} "\u20ac`.repeat((n % 30) + 1));
    for (const _ of ['first', 'second'])
      for (const name of names) {
        const value = { [name]: { [name]: 1 }, z: 2 };
        expect(canonicalize(value)).toBe(reference(value));
      }
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(anyJson, value => {
        const text = canonicalize(value);
        expect(canonicalize(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(anyJson, value => {
        expect(canonicalize(reversed(value))).toBe(canonicalize(value));
      }),
    );
  });

  it('does not change the value', () => {
    fc.assert(
      fc.property(anyJson, value => {
        expect(JSON.parse(canonicalize(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('writes different values differently', () => {
    fc.assert(
      fc.property(anyJson, anyJson, (one, other) => {
        fc.pre(JSON.stringify(reversed(one)) !== JSON.stringify(reversed(other)));
        const [a, b] = [canonicalize(one), canonicalize(other)];
        expect(a === b).toBe(reference(one) === reference(other));
      }),
    );
  });

  it('rejects any text with a lone surrogate, anywhere', () => {
    const lone = fc.integer({ min: 0xd800, max: 0xdfff }).map(unit => String.fromCharCode(unit));
    fc.assert(
      fc.property(fc.string(), lone, fc.string(), (before, surrogate, after) => {
        const text = before + surrogate + after;
        expect(() => canonicalize(text)).toThrow(TypeError);
        expect(() => canonicalize([{ [text]: 1 }])).toThrow(TypeError);
      }),
    );
  });
});
