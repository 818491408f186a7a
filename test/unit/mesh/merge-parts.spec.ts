import type { HistoryPart } from '../../../lib/mesh/channel-history.js';
import { mergeParts } from '../../../lib/mesh/merge-parts.js';
import { entryAt } from '../../helpers/event-logs.js';

const END = 'abcdef.12-0';
const at = (time: number) => `abcdef.${time}-0`;
/** The read of one channel: the times of its entries, and where the read stopped. */
const part = (
  times: number[],
  until?: number,
  members: Partial<HistoryPart> = {},
): HistoryPart => ({
  entries: times.map(time => entryAt(at(time))),
  until: until === undefined ? undefined : at(until),
  isGap: false,
  scanned: times.length,
  ...members,
});
const merged = (parts: HistoryPart[], limit = 100) => {
  const { entries, ...page } = mergeParts(parts, limit, END);
  return { ...page, times: entries.map(({ cursor }) => Number(cursor.slice(7, -2))) };
};
const page = (times: number[], cursor: string, isEnd: boolean, scanned: number) => ({
  times,
  cursor,
  isEnd,
  scanned,
  isGap: false,
});

describe('the reads of several channels', () => {
  it('become one page in the order of the ids, whatever their length', () => {
    expect(merged([part([1, 10, 12]), part([2, 9]), part([11])])).toEqual(
      page([1, 2, 9, 10, 11, 12], END, true, 6),
    );
    expect(merged([part([1, 10])])).toEqual(page([1, 10], END, true, 2));
    expect(merged([part([]), part([])])).toEqual(page([], END, true, 0));
  });

  it('skip no entry: the page ends where the first read stopped', () => {
    const parts = [part([1, 5], 6), part([2, 4, 7]), part([3], 4)];
    expect(merged(parts)).toEqual(page([1, 2, 3, 4], at(4), false, 6));
    expect(merged(parts.toReversed())).toEqual(page([1, 2, 3, 4], at(4), false, 6));
    expect(merged([part([1, 5], 4)])).toEqual(page([1], at(4), false, 2));
  });

  it('are cut at the limit, and the cursor is the one of the last entry then', () => {
    const parts = [part([1, 3]), part([2])];
    expect(merged(parts, 2)).toEqual(page([1, 2], at(2), false, 3));
    expect(merged(parts, 3)).toEqual(page([1, 2, 3], END, true, 3));
    expect(merged([part([1, 2, 3], 8)], 2)).toEqual(page([1, 2], at(2), false, 3));
  });

  it('leave entries after the end to the next page, because other channels may lack them', () => {
    expect(merged([part([1]), part([2, 12, 13])])).toEqual(page([1, 2, 12], END, false, 4));
    expect(merged([part([1]), part([2, 13], 14)])).toEqual(page([1, 2], END, false, 3));
    expect(merged([part([]), part([], 14)])).toEqual(page([], END, false, 0));
  });

  it('have a gap if one of them has one', () => {
    expect(merged([part([1]), part([2], undefined, { isGap: true })]).isGap).toBe(true);
    expect(merged([]).isGap).toBe(false);
  });
});
