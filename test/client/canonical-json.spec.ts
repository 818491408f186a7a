import reference from 'canonicalize';
import fc from 'fast-check';
import { canonicalJson } from '../../lib/client/canonical-json.js';
import { canonicalize } from '../../lib/signing/index.js';

fc.configureGlobal({ seed: 20_261_128 });

const json = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });

describe("the client's canonical JSON", () => {
  it('equals that of the server and of RFC 8785 for everything JSON.parse can return', () => {
    fc.assert(
      fc.property(json, value => {
        const parsed: unknown = JSON.parse(JSON.stringify(value));
        const text = canonicalJson(parsed);
        expect(text).toBe(canonicalize(parsed));
        expect(text).toBe(reference(parsed));
        expect(JSON.parse(text)).toEqual(parsed);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['{"b":1,"a":2,"10":3,"9":4}', '{"10":3,"9":4,"a":2,"b":1}'],
    ['{"\\ud83d\\ude00":1,"\\ufb33":2,"\\u20ac":3}', '{"\u20ac":3,"\ud83d\ude00":1,"\ufb33":2}'],
    ['[1e21,1e-7,-0,1.0,333333333.33333329]', '[1e+21,1e-7,0,1,333333333.3333333]'],
    ['{"__proto__":{"a":1},"":"\\u000f\\n"}', '{"":"\\u000f\\n","__proto__":{"a":1}}'],
    ['[null,true,{},[]]', '[null,true,{},[]]'],
  ])('of %s is %s', (text, expected) => {
    expect(canonicalJson(JSON.parse(text))).toBe(expected);
    expect(canonicalize(JSON.parse(text))).toBe(expected);
  });
});
