import { jest } from '@jest/globals';
import { canonicalize } from '../../../lib/signing/canonicalize.js';

const ofBits = (hex: string) => Buffer.from(hex, 'hex').readDoubleBE();
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

describe('canonicalize', () => {
  // RFC 8785, Appendix B
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s as %s', (bits, text) => {
    expect(canonicalize(ofBits(bits))).toBe(text);
  });

  it.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])(
    'rejects the double %s, which JSON cannot represent',
    bits => {
      expect(() => canonicalize(ofBits(bits))).toThrow(TypeError);
    },
  );

  // RFC 8785, section 3.2.3
  it('sorts members by UTF-16 code units, so that U+1F600 comes before U+FB33', () => {
    const example = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(canonicalize(example)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control",' +
        '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",' +
        '"\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  // RFC 8785, sections 3.2.2 to 3.2.4
  it('writes the example of RFC 8785 byte for byte', () => {
    const example: unknown = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalize(example)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it.each([
    ['control characters', '\b\t\n\f\r\u0001\u001f', String.raw`"\b\t\n\f\r\u0001\u001f"`],
    ['characters that need no escape', '/\u007f\u2028é🙂', '"/\u007f\u2028é🙂"'],
  ])('writes %s as ECMAScript does', (_, value, text) => {
    expect(canonicalize(value)).toBe(text);
  });

  it('keeps the order of arrays and sorts the members within', () => {
    expect(canonicalize([3, 1, { b: [], a: {} }])).toBe('[3,1,{"a":{},"b":[]}]');
  });

  it('sorts names of digits as text, not as numbers', () => {
    expect(canonicalize({ 10: 1, 9: 2, a: 3 })).toBe('{"10":1,"9":2,"a":3}');
  });

  it('omits undefined members', () => {
    expect(canonicalize({ b: undefined, a: 1, c: undefined })).toBe('{"a":1}');
  });

  it('writes what toJSON returns', () => {
    expect(canonicalize({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  });

  it.each(['__proto__', 'constructor', 'toString', 'toJSON'])(
    'keeps an own member named %s like any other',
    name => {
      const text = `{"${name}":{"admin":true}}`;
      expect(canonicalize(JSON.parse(text))).toBe(text);
    },
  );

  it.each([
    ['NaN', NaN],
    ['an infinity in an array', [Infinity]],
    ['a lone high surrogate', 'a\ud800'],
    ['a lone low surrogate', { a: '\udc00b' }],
    ['surrogates in the wrong order', '\udc00\ud800'],
    ['a lone surrogate in a name', { '\ud800': 1 }],
    ['a bigint', { a: 1n }],
    ['a symbol', [Symbol('s')]],
    ['a function', { a: () => 1 }],
    ['undefined', undefined],
    ['an undefined array item', [1, undefined]],
    ['129 levels', nested(129)],
  ])('rejects %s', (_, value) => {
    expect(() => canonicalize(value)).toThrow(TypeError);
  });

  it('accepts 128 levels', () => {
    expect(canonicalize(nested(128))).toBe(`${'['.repeat(128)}1${']'.repeat(128)}`);
  });

  it('rejects a cycle', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = [cycle];
    expect(() => canonicalize(cycle)).toThrow(TypeError);
  });
});

describe('canonicalize, for values that are not plain', () => {
  it('writes boxed strings, numbers and booleans like primitive ones', () => {
    expect(canonicalize([Object('a'), Object(1), Object(false)])).toBe('["a",1,false]');
  });

  it('rejects an endless chain of toJSON', () => {
    const endless = (): object => ({ toJSON: endless });
    expect(() => canonicalize(endless())).toThrow(/^More than 128 levels/);
  });

  it.each([
    [10n, 'A bigint has no canonical JSON form'],
    [NaN, 'NaN has no canonical JSON form'],
    ['\ud800', 'A lone surrogate has no canonical JSON form'],
  ])('says what is wrong with %p', (value, problem) => {
    expect(() => canonicalize({ data: [value] })).toThrow(problem);
  });

  it('rejects a promise, whose rejection then counts as handled', async () => {
    const rejected = Promise.reject(new Error('unhandled'));
    expect(() => canonicalize({ data: [rejected] })).toThrow(
      'A promise has no canonical JSON form: await it',
    );
    await new Promise(setImmediate);
  });
});

describe('canonicalize, for names that clients choose', () => {
  it('remembers at most 256 of them, none over 64 characters', () => {
    const remembered = jest.spyOn(Map.prototype, 'set');
    const names = Array.from({ length: 1_000 }, (_, n) => `name-${n}`);
    for (const name of ['x'.repeat(65), ...names])
      expect(canonicalize({ [name]: 1 })).toBe(`{"${name}":1}`);
    const known = remembered.mock.calls.filter(([name]) => typeof name === 'string');
    remembered.mockRestore();
    expect(known.length).toBeLessThanOrEqual(256);
    expect(known.map(([name]) => name)).not.toContain('x'.repeat(65));
    expect(canonicalize({ [names[0]!]: 2, [names[999]!]: 3 })).toBe('{"name-0":2,"name-999":3}');
  });
});
