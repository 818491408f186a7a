import { parseCursor, hasReached, BEGINNING } from '../../../lib/mesh/cursor.js';
import { InMemoryEventLog, type LogEntry } from '../../../lib/mesh/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';

const logOf = (limits = {}, clock = new FakeClock()) =>
  new InMemoryEventLog({ maxEvents: 100, maxHistorySize: 10_000, ...limits }, clock);
const textsOf = ({ entries }: { entries: readonly LogEntry[] }) => entries.map(({ text }) => text);

describe('InMemoryEventLog', () => {
  it('reads what came behind a cursor, page by page, to the end', () => {
    const log = logOf();
    const cursors = Array.from({ length: 10 }, (_, n) => log.append('t', `${n}`));
    const first = log.read(cursors[2], 4);
    expect(first).toMatchObject({ cursor: cursors[6], isGap: false, isEnd: false });
    expect(textsOf(first)).toEqual(['3', '4', '5', '6']);
    const second = log.read(first.cursor, 4);
    expect(textsOf(second)).toEqual(['7', '8', '9']);
    expect(second).toMatchObject({ cursor: cursors[9], isEnd: true });
    expect(log.read(second.cursor, 4)).toEqual({ ...second, entries: [] });
  });

  it('keeps no more than maxEvents, and tells who asks for what is gone', () => {
    const log = logOf({ maxEvents: 3 });
    const cursors = Array.from({ length: 5 }, (_, n) => log.append('t', `${n}`));
    expect(textsOf(log.read(undefined, 100))).toEqual(['2', '3', '4']);
    expect(log.read(undefined, 100).isGap).toBe(false);
    expect(log.read(cursors[1], 100).isGap).toBe(false);
    expect(log.read(cursors[0], 100)).toMatchObject({ isGap: true, cursor: cursors[4] });
    expect(textsOf(log.read(cursors[0], 100))).toEqual(['2', '3', '4']);
  });

  it('keeps no more than maxHistorySize characters, not even of one event', () => {
    const log = logOf({ maxHistorySize: 10 });
    const [a, b] = [log.append('t', 'x'.repeat(6)), log.append('t', 'y'.repeat(6))];
    expect(textsOf(log.read(undefined, 9))).toEqual(['y'.repeat(6)]);
    expect(log.read(a, 9).isGap).toBe(false);
    const c = log.append('t', 'z'.repeat(11));
    expect(log.read(b, 9)).toEqual({ entries: [], cursor: c, isGap: true, isEnd: true });
    expect(log.read(c, 9)).toMatchObject({ isGap: false });
    log.append('t', 'again');
    expect(textsOf(log.read(c, 9))).toEqual(['again']);
    expect(log.read(b, 9).isGap).toBe(true);
  });

  it('takes bounded memory, however much is appended', () => {
    const log = logOf({ maxEvents: 50 });
    for (let n = 0; n < 10_000; n++) log.append('t', 'x');
    expect((log as unknown as { entries: Map<number, unknown> }).entries.size).toBe(50);
  });

  it.each(['0-0', 'x', '', '1-2-3', '-', '٣-٣', ' 1-1'])(
    'takes %j, no cursor of its own, for a gap before all there is',
    cursor => {
      const log = logOf();
      log.append('t', 'a');
      expect(log.read(cursor, 9)).toMatchObject({
        isGap: true,
        isEnd: true,
        entries: [{ text: 'a' }],
      });
    },
  );

  it('takes a cursor from before a restart, or from the future, for a gap', () => {
    const clock = new FakeClock();
    const before = logOf({}, clock);
    const old = before.append('t', 'a');
    clock.advance(1);
    const log = logOf({}, clock);
    const mine = log.append('t', 'b');
    expect(log.read(old, 9)).toMatchObject({ isGap: true, entries: [{ text: 'b' }] });
    const future = mine.replace(/\d+$/, '99');
    expect(log.read(future, 9)).toMatchObject({ isGap: true, entries: [{ text: 'b' }] });
  });

  it('tells its follower what comes, with the cursor it returns', () => {
    const log = logOf();
    const before = log.append('t', 'a');
    const told: LogEntry[] = [];
    expect(log.follow({ entry: entry => told.push(entry), gap: () => undefined })).toBe(before);
    const cursor = log.append('u', 'b');
    expect(told).toEqual([{ cursor, type: 'u', text: 'b' }]);
  });
});

describe('cursors', () => {
  it('are compared as numbers, the first one first', () => {
    const inOrder = ['0-0', '0-1', '0-10', '9-2', '10-1', '10-10', '999999999999999-0'];
    for (const [a, cursor] of inOrder.entries())
      for (const [b, other] of inOrder.entries())
        expect([cursor, other, hasReached(cursor, other)]).toEqual([cursor, other, a >= b]);
  });

  it.each(['', '1', '1-', '-1', '1-1-1', '1e3-1', '0x1-1', '1.5-1', '1234567890123456-1', '1-1\n'])(
    'are not made of %j, which counts as the beginning',
    text => {
      expect(parseCursor(text)).toBeUndefined();
      expect(hasReached(text, BEGINNING)).toBe(true);
      expect(hasReached(text, '0-1')).toBe(false);
    },
  );
});
