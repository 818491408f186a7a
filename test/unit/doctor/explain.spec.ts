import { explain, type Explanation } from '../../../lib/doctor/explain.js';
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
