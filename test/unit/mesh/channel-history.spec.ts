import { ChannelHistory, MAX_SCANNED } from '../../../lib/mesh/channel-history.js';
import { placeOf } from '../../../lib/mesh/cursor.js';
import { entryAt } from '../../helpers/event-logs.js';

const at = (time: number) => `abcdef.${time}-0`;
const place = (time: number) => placeOf(at(time));
const historyOf = (count: number, limits = {}) => {
  const history = new ChannelHistory({ maxEvents: 1e4, maxHistorySize: 1e6, ...limits });
  for (let time = 1; time <= count; time++)
    history.add(entryAt(at(time), time % 2 ? 'odd' : 'even', 'xx'));
  return history;
};
const read = (history: ChannelHistory, ...given: Parameters<ChannelHistory['read']>) => {
  const { entries, ...part } = history.read(...given);
  return { times: entries.map(({ cursor }) => Number(cursor.slice(7, -2))), ...part };
};

describe('the history of a channel', () => {
  it('is read from a position, up to a limit, with the cursor where the read stopped', () => {
    const history = historyOf(5);
    const whole = { until: undefined, isGap: false };
    expect(read(history, undefined, 9)).toEqual({ times: [1, 2, 3, 4, 5], scanned: 5, ...whole });
    expect(read(history, place(3), 9)).toEqual({ times: [4, 5], scanned: 2, ...whole });
    expect(read(history, place(5), 9)).toEqual({ times: [], scanned: 0, ...whole });
    expect(read(history, place(3), 2)).toEqual({ times: [4, 5], scanned: 2, ...whole });
    expect(read(history, place(1), 2)).toEqual({
      times: [2, 3],
      until: at(3),
      scanned: 2,
      isGap: false,
    });
    expect(read(history, place(1), 0)).toMatchObject({ times: [], until: at(1), scanned: 0 });
  });

  it('scans entries that do not match, up to a maximum, and says where it stopped', () => {
    const history = historyOf(MAX_SCANNED + 10);
    const isEven = (type: string) => type === 'even';
    expect(read(history, undefined, 2, isEven)).toMatchObject({
      times: [2, 4],
      until: at(4),
      scanned: 4,
    });
    const none = read(history, place(5), 9, () => false);
    expect(none).toEqual({
      times: [],
      until: at(5 + MAX_SCANNED),
      scanned: MAX_SCANNED,
      isGap: false,
    });
    expect(read(history, place(10), 9, () => false)).toMatchObject({
      until: undefined,
      scanned: MAX_SCANNED,
    });
  });

  it('drops its oldest entries beyond either limit, and then has a gap before the first one', () => {
    for (const limits of [{ maxEvents: 3 }, { maxHistorySize: 6 }]) {
      const history = historyOf(5, limits);
      expect([history.length, history.characters]).toEqual([3, 6]);
      expect([history.oldest?.cursor, history.newest?.cursor]).toEqual([at(3), at(5)]);
      expect(history.all().map(({ cursor }) => cursor)).toEqual([at(3), at(4), at(5)]);
      expect([1, 2, 3].map(time => history.hasGapAfter(place(time)))).toEqual([true, false, false]);
      expect(history.hasGapAfter(undefined)).toBe(false);
      expect(read(history, place(1), 9)).toMatchObject({ times: [3, 4, 5], isGap: true });
    }
  });

  it('has a gap if older entries were dropped elsewhere', () => {
    const history = historyOf(1);
    expect(history.hasGapAfter(place(0))).toBe(false);
    history.markDropped(at(7));
    expect([6, 7].map(time => history.hasGapAfter(place(time)))).toEqual([true, false]);
  });

  it('stays the same when the places of dropped entries are removed', () => {
    const history = historyOf(0, { maxEvents: 10 });
    for (let time = 1; time <= 5_000; time++) {
      history.add(entryAt(at(time), 't', 'x'));
      expect(history.length).toBe(Math.min(time, 10));
      expect(history['entries'].length).toBeLessThanOrEqual(1_100);
      if (time > 10)
        expect(read(history, place(time - 3), 9).times).toEqual([time - 2, time - 1, time]);
    }
    for (let left = 9; left >= 0; left--) {
      history.dropOldest();
      expect([history.length, history.characters]).toEqual([left, left]);
    }
    history.dropOldest();
    expect([history.length, history.oldest]).toEqual([0, undefined]);
  });

  it('is walked entry by entry, from a position to the end', () => {
    const walk = historyOf(3, { maxEvents: 2 }).walk(place(0));
    const seen: unknown[] = [walk.isGap];
    while (walk.entry) {
      seen.push([walk.entry.cursor, walk.place?.time]);
      walk.advance();
    }
    expect(seen).toEqual([true, [at(2), 2], [at(3), 3]]);
    expect(walk.place).toBeUndefined();
    expect(historyOf(3).walk(undefined).entry?.cursor).toBe(at(1));
  });
});
