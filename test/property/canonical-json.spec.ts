import * as fc from 'fast-check';
import type { SemanticEvent } from '../../lib/event/index.js';
import { canonicalize } from '../../lib/signing/canonicalize.js';
import { isCanonicalJson } from '../../lib/signing/canonical-json.js';
import { receivedInput, signingInput } from '../../lib/signing/signature.js';

fc.configureGlobal({ seed: 20_261_128 });

const isCanonical = (text: string) => isCanonicalJson(Buffer.from(text));
const received = (text: string) => {
  const input = receivedInput(Buffer.from(text), 'c2s');
  return input && (input as (string | Buffer)[]).join('');
};

const SIGNATURE = `v1.main.${'x'.repeat(43)}`;
const MEMBER = `"semanticsignature":"${SIGNATURE}"`;

/** JSON in which everything that canonical form determines is random. */
const anyNumber = fc.oneof(
  fc.constantFrom('0', '-0', '00', '1', '-1', '1.0', '1e3', '12345678901234567890', '0.0000001'),
  fc.tuple(fc.integer(), fc.integer({ min: 0, max: 10_000_000 })).map(parts => parts.join('.')),
);
const anyText = fc.constantFrom('""', '"a"', '"\\u0061"', '"é"', '"\\u00e9"', '"😀"', '"\\n"');
const anyName = fc.constantFrom('"a"', '"b"', '"\\u0062"', '"10"', '"9"', '"\ufb33"', '"😀"');
const anyGap = fc.constantFrom('', '', '', ' ', '\n');
const loose = fc.letrec<{ value: string; object: string }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false'),
    anyNumber,
    anyText,
    fc.array(tie('value'), { maxLength: 3 }).map(items => `[${items.join(',')}]`),
    tie('object'),
  ),
  object: fc
    .tuple(fc.array(fc.tuple(anyName, anyGap, tie('value')), { maxLength: 3 }), anyGap)
    .map(
      ([members, gap]) =>
        `{${gap}${members.map(([name, space, value]) => `${name}:${space}${value}`).join(',')}}`,
    ),
})).object;

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

describe('isCanonicalJson', () => {
  it('accepts as canonical only what canonicalize writes', () => {
    fc.assert(
      fc.property(loose, text => {
        const value = parsed(text);
        fc.pre(value !== undefined);
        if (isCanonical(text)) expect(canonicalize(value)).toBe(text);
      }),
      { numRuns: 3_000 },
    );
  });

  it('recognizes every canonical text without escapes and with short numbers', () => {
    const anyJson = fc.dictionary(
      fc.string({ unit: fc.constantFrom('a', 'b', '1', '!', 'é', 'ß', 'א', '会') }),
      fc.oneof(
        fc.jsonValue({ stringUnit: 'grapheme-ascii' }),
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: -9_999_999, max: 9_999_999 }).map(number => number / 1_000),
      ),
    );
    fc.assert(
      fc.property(anyJson, value => {
        const text = canonicalize(value);
        fc.pre(!/\\|\de|[\d.]{16}|\.\d{7}/.test(text));
        expect(isCanonical(text)).toBe(true);
      }),
    );
  });

  it.each([
    '{}',
    '{"":""}',
    '{"a":0}',
    '{"a":-1,"b":90}',
    '{"a":123456789012345}',
    '{"a":0.5,"b":-0.000001,"c":[123456789.123456]}',
    '{"a":[]}',
    '{"a":[0]}',
    '{"a":[1,-2,[],{},"x"]}',
    '{"a":{"b":{}},"b":{"a":1}}',
    '{"a":true,"b":false,"c":null}',
    '{"a":[true,false,null]}',
    '{"10":1,"9":2}',
    '{"a":1,"a ":2,"a!":3}',
    `{"a":"${'x'.repeat(62)}","b":"${'x'.repeat(63)}","c":"${'é'.repeat(64)}","d":1}`,
    '{"a":"é😀","ab":"דּ"}',
    `${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`,
    `{"a":${'['.repeat(31)}${']'.repeat(31)}}`,
  ])('returns true for %s', text => {
    expect(canonicalize(JSON.parse(text))).toBe(text);
    expect(isCanonical(text)).toBe(true);
  });

  it.each([
    '{"a":-0}',
    '{"a":[-0]}',
    '{"a":1.50}',
    '{"a":1.0}',
    '{"a":-0.0}',
    '{"a":0.0000001}',
    '{"a":1234567890.123456}',
    '{"a":1.5e3}',
    '{"a":1e3}',
    '{"a":1E3}',
    '{"a":1234567890123456}',
    '{"a":"\\u0061"}',
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"9":1,"10":2}',
    '{"a":{"b":1,"a":2}}',
    '{"a":[{"b":1,"a":2}]}',
    ' {"a":1}',
    '{"\ufb33":1,"😀":2}',
    '{"ab":1,"a":2}',
    // Two characters sort before the quote that ends a name.
    '{"a ":1,"a":2}',
    '{"a!":1,"a":2}',
    `{"a":"${'x'.repeat(100)}\\u0061"}`,
    '{ "a":1}',
    '{"a" :1}',
    '{"a": 1}',
    '{"a":1 }',
    '{"a":1} ',
    '{"a":[ 1]}',
    '{"a":[1 ]}',
    '{"a":[1, 2]}',
    '{"a":[1 ,2]}',
    '{"a":1, "b":2}',
    '{"a":1 ,"b":2}',
    '{"a":{ }}',
    '{"a":[ ]}',
    '{"a":"x" ,"b":2}',
    '{"a":true ,"b":2}',
    `${'{"a":'.repeat(32)}{}${'}'.repeat(32)}`,
    `{"a":${'['.repeat(32)}${']'.repeat(32)}}`,
  ])('returns false for %s', text => {
    expect(JSON.parse(text)).toBeDefined();
    expect(isCanonical(text)).toBe(false);
  });

  it.each([
    ['an array', '[1]'],
    ['text after the object', '{}x'],
    ['an unclosed object', '{"a":1'],
    ['an extra comma', '{"a":1,}'],
    ['a repeated name', '{"a":1,"a":1}'],
    ['a repeated empty name', '{"":1,"":1}'],
    ['33 levels', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
    ['an unclosed string', `{"a":"${'x'.repeat(100)}`],
    ['17 digits', '{"a":12345678901234567}'],
  ])('returns false for %s', (_, text) => {
    expect(isCanonical(text)).toBe(false);
  });
});

describe('signing input taken from the received text', () => {
  const event = fc
    .dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.jsonValue({ maxDepth: 2 }))
    .map(members => canonicalize({ id: '1', ...members, semanticsignature: SIGNATURE }));

  it('equals that of the parsed event, wherever the signature is', () => {
    fc.assert(
      fc.property(event, fc.nat(), (text, place) => {
        const members = text.slice(1, -1).replace(`,${MEMBER}`, '').replace(`${MEMBER},`, '');
        const commas = [...members.matchAll(/,/g)].map(({ index }) => index);
        const at = commas[place % (commas.length + 1)] ?? members.length;
        const moved = `{${members.slice(0, at)},${MEMBER}${members.slice(at)}}`;
        const value = parsed(moved) as SemanticEvent | undefined;
        fc.pre(value?.semanticsignature === SIGNATURE);
        const input = received(moved);
        if (input !== undefined) expect(input).toBe(signingInput(value, 'c2s'));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['first', `{${MEMBER},"id":"1"}`],
    ['last', `{"id":"1",${MEMBER}}`],
    ['alone', `{${MEMBER}}`],
    ['between', `{"id":"1",${MEMBER},"type":"x"}`],
  ])('is found with the signature %s', (_, text) => {
    expect(received(text)).toBe(signingInput(JSON.parse(text) as SemanticEvent, 'c2s'));
  });

  it.each([
    ['after a space', `{"id":"1", ${MEMBER}}`],
    ['with a space in it', `{"id":"1","semanticsignature": "${SIGNATURE}"}`],
    ['missing', '{"id":"1"}'],
    ['under another name', '{"id":"1","semanticsignaturf":"x"}'],
    ['under a longer name', '{"id":"1","semanticsignature2":"x"}'],
    ['missing, and nothing else', '{}'],
    ['in a nested object', `{"data":{${MEMBER}}}`],
    ['at the end of the text', `{"id":"1","semanticsignature":"${SIGNATURE}`],
    ['after a space before the event', ` {"id":"1",${MEMBER}}`],
    ['after other text before the event', `1,"event":{"id":"1",${MEMBER}}`],
  ])('is not used for a text with the signature %s', (_, text) => {
    expect(received(text)).toBeUndefined();
  });

  it('is not used for a repeated signature: the last one counts, as for any other member', () => {
    const other = '"semanticsignature":"other"';
    for (const text of [`{${other},${MEMBER}}`, `{"id":"1",${other},"type":"t",${MEMBER}}`])
      expect(received(text)).toBeUndefined();
  });

  it.each(['c2s', 's2c'] as const)('begins with the version and the direction %s', direction => {
    const json = Buffer.from(`{"id":"1",${MEMBER}}`);
    const parts = receivedInput(json, direction) as readonly Uint8Array[];
    expect(Buffer.concat(parts).toString()).toBe(`v1.${direction}.{"id":"1"}`);
  });
});
