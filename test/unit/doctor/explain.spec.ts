import { explain, type Explanation } from '../../../lib/doctor/explain.js';
import { printable } from '../../../lib/doctor/report.js';
import { RING, vectors } from '../../helpers/protocol-vectors.js';

const [vector] = vectors();
const key = Buffer.from(RING.secret);
const of = (members: object, more: Partial<Explanation> = {}) =>
  explain({
    event: { ...vector!.event, ...members },
    key,
    keyId: RING.id,
    direction: 'c2s',
    ...more,
  });

describe('doctor --explain', () => {
  it("prints the canonical text and the signature of the protocol page's vector", () => {
    const { lines, isValid } = of({});
    expect(isValid).toBe(true);
    expect(lines).toContain(`canonical text: ${vector!.canonical}`);
    expect(lines).toContain(`semanticsignature: ${vector!.signature}`);
  });

  it('shows characters that a terminal cannot show by their escapes, and says that it does', () => {
    const shown = (text: string) => of({ data: text }).lines.map(printable);
    expect(shown('a\u007fb\u2028c\u200bd\u{e0041}')[0]).toContain(
      String.raw`"data":"a\u007fb\u2028c\u200bd\udb40\udc41"`,
    );
    expect(shown('\u2028')[1]).toMatch(/^canonical text: .* sign the character$/);
    expect(shown('\u0000 is an escape of JSON itself')[1]).toMatch(/bytes, sha256/);
  });

  it('reports that a correct signature matches', () => {
    const { lines, isValid } = of({ semanticsignature: vector!.signature });
    expect(isValid).toBe(true);
    expect(lines.at(-1)).toBe('the signature of the event: matches');
  });

  it.each<[string, object, Partial<Explanation>, RegExp]>([
    [
      'the direction',
      { semanticsignature: vector!.signature },
      { direction: 's2c' },
      /direction c2s where s2c was expected/,
    ],
    [
      'the key id',
      { semanticsignature: vector!.signature },
      { keyId: 'x' },
      /key id "key-1", and not "x"/,
    ],
    ['another text', { semanticsignature: vector!.signature, data: 1 }, {}, /MAC differs/],
    ['the form', { semanticsignature: 'a'.repeat(64) }, {}, /64 hexadecimal digits/],
    [
      'the encoding of the key',
      {
        semanticsignature: of({}, { key: Buffer.from(key.toString('hex')) })
          .lines.at(-1)!
          .split(': ')[1],
      },
      {},
      /the key was used as hex text/,
    ],
  ])('reports %s', (_, members, more, problem) => {
    const { lines, isValid } = of(members, more);
    expect(isValid).toBe(false);
    expect(lines.at(-1)).toMatch(problem);
  });

  it.each<[object, RegExp]>([
    [{ type: '' }, /the event is invalid: type must be/],
    [{ specversion: '0.3' }, /the event is invalid: specversion must be "1.0"/],
  ])('reports the rule that %j breaks', (members, problem) => {
    const { lines, isValid } = of(members);
    expect(isValid).toBe(false);
    expect(lines).toEqual([expect.stringMatching(problem)]);
  });
});
