import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { createEvent, validateEvent } from '../../lib/event/index.js';
import { RefusalError } from '../../lib/protocol/index.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 500 });

const texts = fc.string({
  unit: fc.constantFrom('a', 'é', '😀', '\ud800', '\udc00'),
  maxLength: 3,
});
const keys = fc.oneof(
  { weight: 8, arbitrary: texts },
  fc.constantFrom('__proto__', 'constructor', 'toString'),
);
/** What JSON.parse can return, including numbers from texts such as 1e400 and -0. */
const { value: hostileData } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      texts,
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.constantFrom(null, true, -0, Infinity),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

const printable = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom('a', '.', 'é', '😀', ' ', '\u2028'), minLength: 1, maxLength });
const attributes = fc.oneof(printable(99), fc.boolean(), fc.integer(), fc.constantFrom('', null));
const validEvents = fc
  .record({
    type: printable(99),
    source: fc.oneof(fc.webUrl(), fc.stringMatching(/^[a-z][a-z0-9./-]{0,40}$/)),
    id: printable(99),
    subject: fc.option(printable(99)),
    extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{0,20}$/), attributes, { maxKeys: 5 }),
    // A negative zero is not valid; JSON.stringify turns it into zero.
    data: fc
      .jsonValue({ maxDepth: 5, stringUnit: fc.constantFrom('a', 'é', '😀') })
      .map(value => JSON.parse(JSON.stringify(value)) as unknown),
  })
  .map(({ extensions, subject, ...init }) =>
    createEvent<unknown>({ ...init, subject: subject ?? undefined, ...extensions }, 0),
  );

type Json = Record<string, unknown>;
const REQUIRED = ['specversion', 'type', 'source', 'id'];
const NAMES = [
  ...REQUIRED,
  'time',
  'subject',
  'data',
  'data_base64',
  'semanticnonce',
  'semantictags',
];

function accepts(value: unknown): boolean {
  try {
    validateEvent(value);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RefusalError);
    expect(error).toMatchObject({ code: 'INVALID_EVENT' });
    return false;
  }
}

/** Returns whether a value survives the JSON of any receiver. */
function survivesJson(value: unknown): boolean {
  const text = JSON.stringify(value);
  const hasLoneSurrogate = /\\ud[89a-f]/.test(text);
  return (
    !hasLoneSurrogate &&
    !text.includes('"__proto__":') &&
    isDeepStrictEqual(JSON.parse(text), value)
  );
}

describe('validateEvent', () => {
  it('accepts any JSON as an event or rejects it with INVALID_EVENT', () => {
    const patches = fc.dictionary(fc.constantFrom(...NAMES, '__proto__', 'other'), fc.jsonValue(), {
      maxKeys: 2,
    });
    fc.assert(
      fc.property(validEvents, patches, fc.jsonValue(), (event, patch, value) => {
        const patched: Json = JSON.parse(JSON.stringify({ ...event, ...patch }));

        if (accepts(patched))
          for (const name of REQUIRED) expect(typeof patched[name]).toBe('string');
        expect(accepts(value)).toBe(false);
      }),
    );
  });

  it('accepts every valid event', () => {
    fc.assert(
      fc.property(validEvents, event => {
        expect(accepts(event)).toBe(true);
      }),
    );
  });

  it('rejects a valid event if any one attribute is hostile', () => {
    const names = fc.constantFrom(
      'specversion',
      'type',
      'source',
      'id',
      'time',
      'subject',
      'xextension',
    );
    const hostile = fc.constantFrom<unknown>(
      'a\nb',
      '\ud800',
      1.5,
      2 ** 31,
      [],
      {},
      [['a']],
      'a'.repeat(2_049),
    );
    fc.assert(
      fc.property(validEvents, names, hostile, (event, name, value) => {
        expect(accepts({ ...event, [name]: value })).toBe(false);
      }),
    );
  });

  it('accepts data if and only if every receiver parses it the same', () => {
    let accepted = 0;
    fc.assert(
      fc.property(hostileData, data => {
        const isAccepted = accepts(createEvent({ type: 't', source: 's', id: 'i', data }, 0));
        accepted += Number(isAccepted);

        expect(isAccepted).toBe(survivesJson(data));
      }),
      { numRuns: 2_000 },
    );
    // The generator must create both hostile and harmless data.
    expect(accepted).toBeGreaterThan(200);
    expect(accepted).toBeLessThan(1_800);
  });
});
