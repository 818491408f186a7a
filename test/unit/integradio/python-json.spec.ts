import { parseExact } from '../../../lib/integradio/exact-json.js';
import { pythonJson } from '../../../lib/integradio/python-json.js';

/**
 * Output of Python 3 for `json.dumps(x)` and `json.dumps(x, separators=(",", ":"),
 * sort_keys=True)`.
 */
const VECTORS: readonly (readonly [sent: string, canonical: string])[] = [
  ['null', 'null'],
  ['{}', '{}'],
  ['-0.0', '-0.0'],
  ['1.0', '1.0'],
  ['1e+21', '1e+21'],
  ['1e-07', '1e-07'],
  ['12345678901234567890', '12345678901234567890'],
  ['-98765432109876543210987654321', '-98765432109876543210987654321'],
  ['1.7976931348623157e+308', '1.7976931348623157e+308'],
  [
    String.raw`"\u0000\u001f\u007f\u0080\n\r\t\b\f\\\"/"`,
    String.raw`"\u0000\u001f\u007f\u0080\n\r\t\b\f\\\"/"`,
  ],
  [String.raw`"h\u00e9llo \u2028"`, String.raw`"h\u00e9llo \u2028"`],
  [String.raw`"\ud83d\ude00\ud800x\udfff"`, String.raw`"\ud83d\ude00\ud800x\udfff"`],
  ['{"b": 1, "a": {"d": [1.0, 2], "c": null}}', '{"a":{"c":null,"d":[1.0,2]},"b":1}'],
  [
    String.raw`{"\ufb33": 1, "\ud83d\ude00": 2, "\ud83d": 3, "z": 4, "\ue000": 5, "\ud7ff": 6, "": 7, "\ud800\udc00": 8, "\uffff": 9}`,
    String.raw`{"":7,"z":4,"\ud7ff":6,"\ud83d":3,"\ue000":5,"\ufb33":1,"\uffff":9,"\ud800\udc00":8,"\ud83d\ude00":2}`,
  ],
  [
    String.raw`{"\ud83d\ude00a": 1, "\ud83d\ude00\ufb33": 2, "\ud83d\ude00\ud83d\ude00": 3, "\ud83d\ufb33": 4, "\ud83da": 5}`,
    String.raw`{"\ud83da":5,"\ud83d\ufb33":4,"\ud83d\ude00a":1,"\ud83d\ude00\ufb33":2,"\ud83d\ude00\ud83d\ude00":3}`,
  ],
];

/** Values in JavaScript, and how Python writes them after it parsed our JSON. */
const NUMBERS: readonly (readonly [number, string])[] = [
  [0, '0'],
  [-1.5, '-1.5'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [-1.25e-7, '-1.25e-07'],
  [1.5e-10, '1.5e-10'],
  [5e-324, '5e-324'],
  [1e16, '10000000000000000'],
  [1e20, '100000000000000000000'],
  [1e21, '1e+21'],
  [2 ** 53, '9007199254740992'],
];

describe('pythonJson', () => {
  it.each(VECTORS)('writes %s as Python does', (sent, canonical) => {
    expect(pythonJson(parseExact(sent))).toBe(canonical);
  });

  it.each(NUMBERS)('writes the number %d as Python would after parsing it: %s', (number, text) => {
    expect(pythonJson([number])).toBe(`[${text}]`);
  });

  it('writes plain values like exactly parsed ones', () => {
    const value = { '\ufb33': [null, true, 'é'], '😀': { b: 1, a: -2.5 } };
    expect(pythonJson(value)).toBe(pythonJson(parseExact(JSON.stringify(value))));
  });
});
