import fc from 'fast-check';
import {
  COST,
  membersIn,
  memoryOf,
  unitsOf,
} from '../../../../lib/connection/guarded/frame-cost.js';

const units = (text: string) => unitsOf(Buffer.byteLength(text), membersIn(Buffer.from(text)));

describe('frame cost', () => {
  it.each([
    ['{"type":"ping"}', 1],
    ['x'.repeat(COST.bytesPerUnit), 1],
    ['x'.repeat(COST.bytesPerUnit + 1), 2],
    [JSON.stringify('x'.repeat(65_000)), 16],
    ['['.repeat(65_536), 526],
    [`[${'{},'.repeat(21_000)}0]`, 343],
  ])('is computed from bytes and members (case %#)', (text, expected) => {
    expect(units(text)).toBe(expected);
  });

  it('does not count what looks like a member within a string', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1_100, maxLength: 3_000 }), text => {
        expect(membersIn(Buffer.from(JSON.stringify(text)))).toBe(0);
      }),
    );
  });

  it('counts every member and item of a large frame', () => {
    fc.assert(
      fc.property(fc.array(fc.json({ maxDepth: 3 }), { minLength: 200, maxLength: 400 }), list => {
        const text = `[${list.join(',')}]`;
        const outside = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
        const expected = text.length <= 1_024 ? 0 : outside.replaceAll(/[^,[{]/g, '').length;
        expect(membersIn(Buffer.from(text))).toBe(expected);
      }),
      // Each list is as long as many: fast-check makes 300 values for it.
      { numRuns: 30 },
    );
  });

  it('estimates more memory than a parsed list of empty objects takes', () => {
    expect(memoryOf(64_000, 21_333)).toBeGreaterThan(21_333 * 56);
  });
});
