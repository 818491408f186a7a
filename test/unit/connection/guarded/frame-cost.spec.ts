import fc from 'fast-check';
import {
  bytesOf,
  COST,
  membersIn,
  memoryOf,
  subscriptionUnits,
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

  it('does not count members of a small frame, whose size is its cost', () => {
    const list = (length: number) => Buffer.from(`[${'0,'.repeat((length - 3) / 2)}0]`);
    expect([list(1_023), list(1_025)].map(membersIn)).toEqual([0, 512]);
    expect(membersIn(Buffer.from(`${list(1_023).toString()} `))).toBe(0);
  });

  it.each([0, 1, 5, 29, 30, 31, 32, 33, 34, 35, 64, 200])(
    'finds the end of a string after %d characters, whatever is escaped there',
    length => {
      const filler = ','.repeat(length);
      for (const end of ['', '\\"', '\\\\', '\\"\\"', '\\\\\\"', ',\\",\\\\']) {
        const text = `["${filler}${end}",[1,2],"${filler}${end}"]${' '.repeat(1_100)}`;
        expect(JSON.parse(text)).toHaveLength(3);
        expect([end, membersIn(Buffer.from(text))]).toEqual([end, 5]);
      }
    },
  );

  it('of a frame that ends within a string has no more members', () => {
    const open = `${' '.repeat(1_100)}[,"`;
    for (const rest of ['', ',', ','.repeat(100), `${','.repeat(100)}\\`, '\\'])
      expect(membersIn(Buffer.from(open + rest))).toBe(2);
  });

  it('of a subscription grows with its patterns up to the limit, and with its history', () => {
    const patterns = ['a', 'b', 'c'];
    expect(subscriptionUnits({ patterns }, 32)).toBe(3);
    expect(subscriptionUnits({ patterns }, 2)).toBe(2);
    expect(subscriptionUnits({ patterns, since: 'c' }, 32)).toBe(19);
    expect(subscriptionUnits({ patterns: 'abc' }, 32)).toBe(0);
  });

  it('estimates the memory of a frame by its bytes, and by its members if it is large', () => {
    expect([memoryOf(10, 9), memoryOf(1_024, 9), memoryOf(1_025, 9)]).toEqual([160, 16_384, 2_626]);
  });

  it('of a text counts its bytes in UTF-8', () => {
    expect(bytesOf('é')).toEqual(Buffer.from('é'));
    const bytes = Buffer.from('é');
    expect(bytesOf(bytes)).toBe(bytes);
  });

  it('estimates more memory than a parsed list of empty objects takes', () => {
    expect(memoryOf(64_000, 21_333)).toBeGreaterThan(21_333 * 56);
  });
});
