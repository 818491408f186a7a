import { parseCursor } from '../../lib/mesh/cursor.js';
import type { EventLog, LogEntry, LogFollower } from '../../lib/mesh/index.js';
import { eventually } from '../helpers/eventually.js';

export interface EventLogHarness {
  log: EventLog;
  close?(): void | Promise<void>;
}

/** Kept by the logs of these tests; how many more there may be is up to the log. */
const MAX_EVENTS = 100;
const LEEWAY = 200;

/** Notes what it is told; a log may have notes of its own, which are nobody's business. */
export class RecordingFollower implements LogFollower {
  readonly entries: LogEntry[] = [];
  readonly gaps: string[] = [];

  get texts(): string[] {
    return this.entries.map(({ text }) => text);
  }

  entry(entry: LogEntry): void {
    if (entry.type !== '') this.entries.push(entry);
  }

  gap(cursor: string): void {
    this.gaps.push(cursor);
  }
}

/** What must hold of every EventLog, wherever it keeps its events. */
export function eventLogContract(
  name: string,
  makeLog: (options: { maxEvents: number }) => EventLogHarness | Promise<EventLogHarness>,
): void {
  describe(`${name} as an EventLog`, () => {
    let harness: EventLogHarness;
    let log: EventLog;

    beforeEach(async () => {
      harness = await makeLog({ maxEvents: MAX_EVENTS });
      ({ log } = harness);
    });

    afterEach(async () => {
      await harness.close?.();
    });

    const range = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `${from + index}`);
    const append = (texts: readonly string[]) =>
      Promise.all(texts.map(async text => log.append('a.b', text)));
    const read = async (after?: string, limit = 1_000) => {
      const page = await log.read(after, limit);
      const events = page.entries.filter(({ type }) => type !== '');
      return { ...page, texts: events.map(({ text }) => text), events };
    };

    it('gives back what was appended, to the letter and in order', async () => {
      const texts = ['{"a":1}', '"\u2028 ключ 🔑 \\u0000"', '', ' \r\n ', 'x'.repeat(100_000)];
      const cursors: string[] = [];
      for (const text of texts) cursors.push(await log.append(`type.${text.length}`, text));
      const page = await read();
      expect(page.events).toEqual(
        texts.map((text, index) => ({
          cursor: cursors[index],
          type: `type.${text.length}`,
          text,
        })),
      );
      expect(page).toMatchObject({ isGap: false, isEnd: true, cursor: cursors.at(-1) });
    });

    it('has events in the order they were appended in, also when nobody waited in between', async () => {
      const cursors = await append(range(0, 50));
      expect((await read()).texts).toEqual(range(0, 50));
      expect((await read()).events.map(({ cursor }) => cursor)).toEqual(cursors);
    });

    it('makes cursors of two whole numbers that only grow', async () => {
      const cursors = await append(range(0, 50));
      const places = cursors.map(cursor => parseCursor(cursor)!);
      for (const [index, [major, minor]] of places.entries()) {
        if (index === 0) continue;
        const [before, minorBefore] = places[index - 1]!;
        expect(major > before || (major === before && minor > minorBefore)).toBe(true);
      }
    });

    it('reads on behind any cursor it gave, without a gap', async () => {
      const cursors = await append(range(0, 20));
      for (const [index, cursor] of cursors.entries()) {
        const page = await read(cursor);
        expect(page.texts).toEqual(range(index + 1, 20));
        expect(page).toMatchObject({ isGap: false, isEnd: true, cursor: cursors.at(-1) });
      }
    });

    it.each([1, 3, 7, 20, 21])('gives every event once in pages of %i', async limit => {
      const [first] = await append(range(0, 21));
      const texts: string[] = [];
      for (let after = first!, isEnd = false; !isEnd;) {
        const page = await read(after, limit);
        expect(page.entries.length).toBeLessThanOrEqual(limit);
        expect(page.isGap).toBe(false);
        expect(page.isEnd).toBe(page.cursor === (await read()).cursor);
        texts.push(...page.texts);
        ({ cursor: after, isEnd } = page);
      }
      expect(texts).toEqual(range(1, 21));
    });

    it('gives every event once, however large, in pages that may be shorter than asked for', async () => {
      const texts = range(0, 30).map(text => text.padEnd(60_000));
      await append(texts);
      const found: string[] = [];
      for (let after: string | undefined, isEnd = false; !isEnd;) {
        const page = await read(after, 30);
        expect(page.entries.length).toBeGreaterThan(0);
        found.push(...page.texts);
        ({ cursor: after, isEnd } = page);
      }
      expect(found).toEqual(texts);
    });

    it('has a place to go on from while it is empty', async () => {
      const empty = await read();
      expect(empty).toMatchObject({ texts: [], isGap: false, isEnd: true });
      await append(['first']);
      expect(await read(empty.cursor)).toMatchObject({ texts: ['first'], isGap: false });
    });

    it.each(['0-0', '', 'x', '-', '+', '$', '(0-1', '0', '1-1', '1-1\n', '999999999999999-1'])(
      'tells of a gap behind %j, which it never gave, and goes on from the oldest',
      async cursor => {
        await append(range(0, 3));
        expect(await read(cursor)).toMatchObject({ texts: range(0, 3), isGap: true, isEnd: true });
      },
    );

    it('keeps the newest events, in bounds, and tells of a gap behind those it has dropped', async () => {
      const cursors = await append(range(0, 1_000));
      const page = await read();
      expect(page.texts).toEqual(range(1_000 - page.texts.length, 1_000));
      expect(page.texts.length).toBeGreaterThanOrEqual(MAX_EVENTS);
      expect(page.texts.length).toBeLessThanOrEqual(MAX_EVENTS + LEEWAY);
      const oldest = 1_000 - page.texts.length;
      expect(await read(cursors[oldest - 2])).toMatchObject({ isGap: true, texts: page.texts });
      expect(await read(cursors[oldest])).toMatchObject({
        isGap: false,
        texts: page.texts.slice(1),
      });
    });

    it('tells a follower what comes from now on, each once and in order', async () => {
      await append(range(0, 10));
      const follower = new RecordingFollower();
      const position = await log.follow(follower);
      expect((await read(position)).texts).toEqual([]);
      const cursors = await append(range(10, 60));
      await append(range(60, 90));
      await eventually(() => follower.entries.length >= 80);
      expect(follower.texts).toEqual(range(10, 90));
      expect(follower.entries.slice(0, 50).map(({ cursor }) => cursor)).toEqual(cursors);
      expect(follower.gaps).toEqual([]);
    });

    it('can be followed from its very beginning', async () => {
      const follower = new RecordingFollower();
      const position = await log.follow(follower);
      await append(['first']);
      await eventually(() => follower.entries.length > 0);
      expect(follower.texts).toEqual(['first']);
      expect(await read(position)).toMatchObject({ texts: ['first'], isGap: false });
    });
  });
}
