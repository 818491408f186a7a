import { ExactNumber, parseExact } from '../../../lib/integradio/exact-json.js';

describe('parseExact', () => {
  it.each(['0', '-0', '-0.0', '1.0', '1e+21', '1E5', '12345678901234567890', '1e400'])(
    'keeps the digits of %s',
    digits => {
      expect(parseExact(`[${digits}]`)).toEqual([new ExactNumber(digits)]);
    },
  );

  it('compares member names unescaped', () => {
    expect(parseExact('{"a":1,"\\u0062":null,"":true}')).toEqual(
      new Map<string, unknown>([
        ['a', new ExactNumber('1')],
        ['b', null],
        ['', true],
      ]),
    );
  });

  it.each(['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"x":{"":0,"b":0,"":0}}]'])(
    'rejects a repeated member: %s',
    text => {
      expect(() => parseExact(text)).toThrow(TypeError);
    },
  );

  it('accepts members named like object members', () => {
    expect([...(parseExact('{"__proto__":1,"constructor":2}') as Map<string, unknown>)]).toEqual([
      ['__proto__', new ExactNumber('1')],
      ['constructor', new ExactNumber('2')],
    ]);
  });

  it.each(
    [
      '',
      '[',
      ']',
      '[1,]',
      '[,1]',
      '{"a"}',
      '{"a":}',
      '{a:1}',
      '{"a":1,}',
      '{1:1}',
      '"',
      '"\\"',
    ].concat([
      '"\\x"',
      '"\n"',
      '"\\\n"',
      '01',
      '+1',
      '1.',
      '.5',
      '1e',
      '--1',
      'nul',
      'True',
      '1 2',
      '\u00a01',
    ]),
  )('rejects what JSON.parse rejects: %j', text => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(() => parseExact(text)).toThrow(TypeError);
  });

  it('rejects more than 128 levels, which could overflow the stack', () => {
    expect(() => parseExact('['.repeat(127) + ']'.repeat(127))).not.toThrow();
    for (const levels of [129, 30_000])
      expect(() => parseExact('['.repeat(levels) + ']'.repeat(levels))).toThrow(TypeError);
  });
});
