import * as fc from 'fast-check';
import { parseExact } from '../../lib/integradio/exact-json.js';
import { pythonJson } from '../../lib/integradio/python-json.js';
import { describeWithPython, python } from '../helpers/python.js';

fc.configureGlobal({ seed: 20_261_128 });

/** JSON as a tree of its source text, with all possible spellings. */
type Node =
  | { word: string }
  | { text: string }
  | { items: Node[] }
  | { members: [name: string, value: Node][] };

const digits = (min: number, max: number) =>
  fc
    .array(fc.nat(9), { minLength: min, maxLength: max })
    .map(given => given.join('').replace(/^0+(?=\d)/, ''));
const number = fc.oneof(
  fc.tuple(fc.constantFrom('', '-'), digits(1, 40)).map(parts => parts.join('')),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom('1.0', '-0.0', '0.0', '1e+21', '1e-07', '9007199254740993', '1.50', '1E2', '-0'),
);
const character = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
  fc.integer({ min: 0, max: 0x20 }).map(code => String.fromCharCode(code)),
  fc.integer({ min: 0xd7f0, max: 0xe010 }).map(code => String.fromCharCode(code)),
  fc.constantFrom('\ufb33', '😀', '\u{10000}', '\uffff', '\u007f', '"', '\\', '/', '\u2028'),
);
const text = fc.array(character, { maxLength: 4 }).map(parts => parts.join(''));
const { node } = fc.letrec<{ node: Node }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constantFrom('null', 'true', 'false'), number).map(word => ({ word })),
    text.map(given => ({ text: given })),
    fc.array(tie('node'), { maxLength: 4 }).map(items => ({ items })),
    fc
      .uniqueArray(fc.tuple(text, tie('node')), { selector: ([name]) => name, maxLength: 6 })
      .map(members => ({ members })),
  ),
}));

/** Returns the text that a client sends, with random white space and escapes. */
function sent(of: Node, pick: () => number): string {
  const space = () => ['', ' ', '\n\t', '\r'][pick() % 4]!;
  const quoted = (given: string) =>
    pick() % 2
      ? JSON.stringify(given)
      : `"${given.replace(/[^]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
  const listed = (given: string[]) => given.map(item => space() + item + space()).join(',');
  if ('word' in of) return of.word;
  if ('text' in of) return quoted(of.text);
  if ('items' in of) return `[${listed(of.items.map(item => sent(item, pick)))}]`;
  const pairs = of.members.map(
    ([name, value]) => `${quoted(name)}${space()}:${space()}${sent(value, pick)}`,
  );
  return `{${listed(pairs)}}`;
}

const codePoints = (given: string) => Array.from(given, point => point.codePointAt(0)!);

/**
 * The model: what wire-protocol.md says, word by word, over code points instead of UTF-16 units.
 */
function canonical(of: Node): string {
  if ('word' in of) return of.word;
  if ('text' in of) return `"${codePoints(of.text).map(escaped).join('')}"`;
  if ('items' in of) return `[${of.items.map(canonical).join(',')}]`;
  const sorted = [...of.members].sort(([one], [other]) => {
    const [a, b] = [codePoints(one), codePoints(other)];
    for (let at = 0; at < Math.min(a.length, b.length); at++)
      if (a[at] !== b[at]) return a[at]! - b[at]!;
    return a.length - b.length;
  });
  return `{${sorted.map(([name, value]) => `${canonical({ text: name })}:${canonical(value)}`).join(',')}}`;
}

function escaped(point: number): string {
  const short: Record<number, string> = {
    8: 'b',
    9: 't',
    10: 'n',
    12: 'f',
    13: 'r',
    34: '"',
    92: '\\',
  };
  if (short[point]) return `\\${short[point]}`;
  if (point >= 0x20 && point <= 0x7e) return String.fromCodePoint(point);
  const hex = (unit: number) => `\\u${(unit + 0x10000).toString(16).slice(1)}`;
  if (point < 0x10000) return hex(point);
  const offset = point - 0x10000;
  return hex(0xd800 + Math.floor(offset / 0x400)) + hex(0xdc00 + (offset % 0x400));
}

const pickers = fc.infiniteStream(fc.nat()).map(stream => () => stream.next().value as number);

describe('canonical form of the compatible mode', () => {
  it('equals the model, however the JSON is spelled', () => {
    fc.assert(
      fc.property(node, pickers, (given, pick) => {
        expect(pythonJson(parseExact(sent(given, pick)))).toBe(canonical(given));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(node, pickers, (given, pick) => {
        const once = pythonJson(parseExact(sent(given, pick)));
        expect(pythonJson(parseExact(once))).toBe(once);
      }),
    );
  });

  it('does not change the value', () => {
    fc.assert(
      fc.property(node, pickers, (given, pick) => {
        const frame = sent(given, pick);
        expect(JSON.parse(pythonJson(parseExact(frame)))).toEqual(JSON.parse(frame));
      }),
    );
  });

  it('accepts and rejects the same texts as JSON.parse, except repeated members', () => {
    const broken = fc.tuple(
      node,
      pickers,
      fc.nat(),
      fc.constantFrom(...Array.from('{}[]",:\\0-e1.x \n')),
    );
    fc.assert(
      fc.property(broken, ([given, pick, where, put]) => {
        const frame = sent(given, pick);
        const at = where % (frame.length + 1);
        const changed = frame.slice(0, at) + put + frame.slice(at + (where % 2));
        const reads = (read: () => unknown) => {
          try {
            read();
            return 'read';
          } catch (error) {
            return String(error).includes('twice') ? 'twice' : 'refused';
          }
        };
        const exact = reads(() => parseExact(changed));
        // parseExact rejects a repeated member before it reads the rest, which may not be JSON.
        fc.pre(exact !== 'twice');
        expect(exact).toBe(reads(() => JSON.parse(changed) as unknown));
      }),
      { numRuns: 1_000 },
    );
  });
});

describeWithPython('canonical form compared with Python itself', () => {
  const PROGRAM = `answer = [[json.dumps(json.loads(text)), json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True)] for text in given]`;

  const both = (texts: string[]) => python(PROGRAM, texts) as [sent: string, canonical: string][];

  it('equals what json.dumps writes for what Python has sent', () => {
    const texts = fc.sample(
      fc.tuple(node, pickers).map(([given, pick]) => sent(given, pick)),
      2_000,
    );
    for (const [wire, expected] of both(texts)) expect(pythonJson(parseExact(wire))).toBe(expected);
  });

  it('equals what Python writes for what this library has sent', () => {
    const values = fc.sample(fc.jsonValue({ stringUnit: 'binary' }), 1_000);
    const texts = values.map(value => pythonJson(value as Parameters<typeof pythonJson>[0]));
    expect(both(texts).map(([, written]) => written)).toEqual(texts);
  });
});
