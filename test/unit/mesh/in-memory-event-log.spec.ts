import {
  BEGINNING,
  cursorBefore,
  hasReached,
  idOf,
  laterOf,
  MAX_NUMBER,
  parseCursor,
} from '../../../lib/mesh/cursor.js';
import { InMemoryEventLog, type LogEntry, PUBLIC } from '../../../lib/mesh/index.js';
import { append, entryAt, LOG_LIMITS, read } from '../../helpers/event-logs.js';
import { FakeClock } from '../../helpers/fake-clock.js';

const logOf = (limits = {}, clock = new FakeClock()) =>
  new InMemoryEventLog({ ...LOG_LIMITS, maxEvents: 100, maxHistorySize: 10_000, ...limits }, clock);
const textsOf = ({ entries }: { entries: readonly LogEntry[] }) => entries.map(({ text }) => text);

describe('InMemoryEventLog', () => {
  it('reads the entries after a cursor, page by page, to the end', () => {
    const log = logOf();
    const cursors = Array.from({ length: 10 }, (_, n) => append(log, 't', `${n}`));
    const first = read(log, cursors[2], 4);
    expect(first).toMatchObject({ cursor: cursors[6], isGap: false, isEnd: false });
    expect(textsOf(first)).toEqual(['3', '4', '5', '6']);
    const second = read(log, first.cursor, 4);
    expect(textsOf(second)).toEqual(['7', '8', '9']);
    expect(second).toMatchObject({ cursor: cursors[9], isEnd: true });
    expect(read(log, second.cursor, 4)).toEqual({ ...second, entries: [], scanned: 0 });
  });

  it('reads about one page of entries, however many channels it merges', () => {
    const log = logOf({ maxEvents: 10_000, maxHistorySize: 1e6 });
    const channels = Array.from({ length: 64 }, (_, room) => `r:${room}`);
    for (let n = 0; n < 40; n++)
      for (const channel of channels) log.append({ channel, type: 't', text: `${n} ${channel}` });
    const found: string[] = [];
    let after = BEGINNING;
    for (let isEnd = false; !isEnd;) {
      const page = log.read({ channels, after, limit: 32 });
      expect(page.scanned).toBeLessThanOrEqual(32 + channels.length);
      found.push(...textsOf(page));
      ({ cursor: after, isEnd } = page);
    }
    const numbers = Array.from({ length: 40 }, (_, n) => n);
    expect(found).toEqual(numbers.flatMap(n => channels.map(channel => `${n} ${channel}`)));
  });

  it('returns entries of the wanted types only, and scans a bounded number for them', () => {
    const log = logOf({ maxEvents: 5_000, maxHistorySize: 1e6 });
    for (let n = 0; n < 3_000; n++) append(log, n % 1_000 ? 't' : 'wanted', `${n}`);
    const matches = (type: string) => type === 'wanted';
    const page = log.read({ channels: [PUBLIC], after: BEGINNING, limit: 9, matches });
    expect(textsOf(page)).toEqual(['0', '1000']);
    expect(page).toMatchObject({ isEnd: false, scanned: 2_000 });
    const rest = log.read({ channels: [PUBLIC], after: page.cursor, limit: 9, matches });
    expect(textsOf(rest)).toEqual(['2000']);
    expect(rest).toMatchObject({ isEnd: true, scanned: 1_000 });
  });

  it('reports a gap if one of several channels has one, and counts each further channel', () => {
    const log = logOf({ maxEventsPerAudience: 1 });
    const to = (channel: string) => log.append({ channel, type: 't', text: channel });
    const [first] = [to('r:a'), to('r:a'), to('r:a'), to('r:b')];
    const read = (...channels: string[]) => log.read({ channels, after: first, limit: 9 });
    expect([read('r:a', 'r:b').isGap, read('r:b', 'r:c').isGap]).toEqual([true, false]);
    expect(read('r:a', 'r:b', 'r:c').scanned).toBe(4);
  });

  it('keeps at most maxHistorySize characters of all audiences together', () => {
    const log = logOf({ maxHistorySize: 10 });
    const to = (channel: string) => log.append({ channel, type: 't', text: 'x'.repeat(6) });
    const [first] = [to('r:a'), to('r:b')];
    const read = (channel: string) => log.read({ channels: [channel], after: first, limit: 9 });
    expect([read('r:b').entries.length, read('r:a').entries.length]).toEqual([1, 0]);
    expect(log.read({ channels: ['r:a'], after: undefined, limit: 9 }).entries).toEqual([]);
  });

  it('keeps exactly maxHistorySize characters of all audiences', () => {
    const log = logOf({ maxHistorySize: 10 });
    for (const channel of ['r:a', 'r:b']) log.append({ channel, type: 't', text: 'x'.repeat(5) });
    expect(log.read({ channels: ['r:a'], after: undefined, limit: 9 }).entries).toHaveLength(1);
  });

  it('begins at the time of its clock, so that its ids are later than those of an earlier process', () => {
    const clock = new FakeClock();
    const position = logOf({}, clock).follow({ entry: () => undefined, gap: () => undefined });
    expect(idOf(position)).toBe(`${clock.now()}-0`);
  });

  it('reads a gap after a cursor of another epoch, although its id is known', () => {
    const log = logOf();
    const [first] = [append(log, 't', '1'), append(log, 't', '2')];
    const other = `${first.startsWith('aaaaaa') ? 'bbbbbb' : 'aaaaaa'}.${idOf(first)}`;
    expect([read(log, first, 9).isGap, read(log, other, 9).isGap]).toEqual([false, true]);
  });

  it('has no groups, because one process handles each event once anyway', () => {
    expect(logOf().openGroup()).toBeNull();
  });

  it('keeps at most maxEvents, and reports a gap for dropped ones', () => {
    const log = logOf({ maxEvents: 3 });
    const cursors = Array.from({ length: 5 }, (_, n) => append(log, 't', `${n}`));
    expect(textsOf(read(log, undefined, 100))).toEqual(['2', '3', '4']);
    expect(read(log, undefined, 100).isGap).toBe(false);
    expect(read(log, cursors[1], 100).isGap).toBe(false);
    expect(read(log, cursors[0], 100)).toMatchObject({ isGap: true, cursor: cursors[4] });
    expect(textsOf(read(log, cursors[0], 100))).toEqual(['2', '3', '4']);
  });

  it('keeps at most maxHistorySize characters, even for a single event', () => {
    const log = logOf({ maxHistorySize: 10 });
    const [a, b] = [append(log, 't', 'x'.repeat(6)), append(log, 't', 'y'.repeat(6))];
    expect(textsOf(read(log, undefined, 9))).toEqual(['y'.repeat(6)]);
    expect(read(log, a, 9).isGap).toBe(false);
    const c = append(log, 't', 'z'.repeat(11));
    expect(read(log, b, 9)).toMatchObject({ entries: [], cursor: c, isGap: true, isEnd: true });
    expect(read(log, c, 9)).toMatchObject({ isGap: false });
    append(log, 't', 'again');
    expect(textsOf(read(log, c, 9))).toEqual(['again']);
    expect(read(log, b, 9).isGap).toBe(true);
  });

  it('uses bounded memory, however much is appended', () => {
    const log = logOf({ maxEvents: 50 });
    for (let n = 0; n < 10_000; n++) append(log, 't', 'x');
    const { everybody } = log as unknown as { everybody: { entries: unknown[]; length: number } };
    expect(everybody.length).toBe(50);
    expect(everybody.entries.length).toBeLessThan(5_000);
  });

  it('needs no memory for the texts of dropped events', () => {
    const log = logOf({ maxEvents: 10_000, maxHistorySize: 1e7, maxHistorySizePerAudience: 1e5 });
    for (let n = 0; n < 1_000; n++)
      for (const channel of ['r:lobby', PUBLIC])
        log.append({ channel, type: 't', text: `${n}`.padEnd(20_000) });
    const { addressed, everybody } = log as unknown as {
      addressed: { of(channel: string): { entries: LogEntry[] } };
      everybody: { entries: LogEntry[] };
    };
    const held = ({ entries }: { entries: (LogEntry | undefined)[] }) =>
      entries.reduce((sum, entry) => sum + (entry?.text.length ?? 0), 0);
    expect(held(addressed.of('r:lobby'))).toBe(1e5);
    expect(held(everybody)).toBe(1e7);
  });

  it('drops first the audience that has received nothing for the longest time, and reports its gap', () => {
    const log = logOf({ maxEvents: 4 });
    const to = (channel: string) => log.append({ channel, type: 't', text: channel });
    const [a] = [to('u:a'), to('u:b'), to('u:c'), to('u:a')];
    const from = (channel: string, after?: string) => {
      const { entries, isGap } = log.read({ channels: [channel], after, limit: 9 });
      return [entries.length, isGap];
    };
    const d = to('u:d');
    expect([from('u:b', a), from('u:c', a), from('u:a', a)]).toEqual([
      [0, true],
      [1, false],
      [1, false],
    ]);
    expect(from('u:b', d)).toEqual([0, false]);
    to('u:b');
    to('u:d');
    expect([from('u:c', a), from('u:a', a), from('u:b', a)]).toEqual([
      [0, true],
      [0, true],
      [1, true],
    ]);
  });

  it.each(['0-0', 'x', '', '1-2-3', '-', '٣-٣', ' 1-1'])(
    'reports a gap for %j, which is not one of its cursors',
    cursor => {
      const log = logOf();
      append(log, 't', 'a');
      expect(read(log, cursor, 9)).toMatchObject({
        isGap: true,
        isEnd: true,
        entries: [{ text: 'a' }],
      });
    },
  );

  it('reports a gap for a cursor from before a restart, or from the future', () => {
    const clock = new FakeClock();
    const before = logOf({}, clock);
    const old = append(before, 't', 'a');
    clock.advance(1);
    const log = logOf({}, clock);
    const mine = append(log, 't', 'b');
    expect(read(log, old, 9)).toMatchObject({ isGap: true, entries: [{ text: 'b' }] });
    const future = mine.replace(/\d+$/, '99');
    expect(read(log, future, 9)).toMatchObject({ isGap: true, entries: [{ text: 'b' }] });
  });

  it('passes a new entry to its follower, with the returned cursor', () => {
    const log = logOf();
    const before = append(log, 't', 'a');
    const delivered: LogEntry[] = [];
    expect(log.follow({ entry: entry => delivered.push(entry), gap: () => undefined })).toBe(
      before,
    );
    const cursor = append(log, 'u', 'b');
    expect(delivered).toEqual([entryAt(cursor, 'u', 'b')]);
  });
});

describe('cursor', () => {
  it('is compared by its numeric id, whatever its epoch', () => {
    const inOrder = ['0-0', '0-1', '0-10', '9-2', '10-1', '10-10', '99999999999999-0'];
    for (const [a, id] of inOrder.entries())
      for (const [b, other] of inOrder.entries())
        expect([id, other, hasReached(`aaaaaa.${id}`, `bbbbbb.${other}`)]).toEqual([
          id,
          other,
          a >= b,
        ]);
  });

  it('before a time is after every entry of the millisecond before, and before every entry from then on', () => {
    for (const time of [1_000, 999.5]) {
      expect(cursorBefore(time)).toBe(`000000.999-${MAX_NUMBER}`);
      expect(hasReached(cursorBefore(time), `abcdef.999-${MAX_NUMBER}`)).toBe(true);
      expect(hasReached(cursorBefore(time), 'abcdef.1000-0')).toBe(false);
    }
    for (const time of [-5, 0, 0.5, 1]) expect(cursorBefore(time)).toBe(BEGINNING);
    expect(cursorBefore(2)).toBe(`000000.1-${MAX_NUMBER}`);
  });

  it('is the later one of two by its id, and has an id without its epoch', () => {
    const [early, late] = ['ffffff.9-9', '000000.10-0'];
    expect([laterOf(early, late), laterOf(late, early)]).toEqual([late, late]);
    expect([early, late].map(idOf)).toEqual(['9-9', '10-0']);
  });

  it.each([
    '',
    '1',
    '0abcdef.1-1',
    'abcdef.1-1x',
    '1-1',
    '-1',
    'abcdef.1-1-1',
    'abcdef.1e3-1',
    'abcde.1-1',
    'ABCDEF.1-1',
    'abcdef.1-1\n',
  ])('is not parsed from %j, which counts as the beginning', text => {
    expect(parseCursor(text)).toBeUndefined();
    expect(hasReached(text, BEGINNING)).toBe(true);
    expect(hasReached(text, '000000.0-1')).toBe(false);
  });
});
