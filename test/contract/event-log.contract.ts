import { hasReached, idOf, parseCursor } from '../../lib/mesh/cursor.js';
import { type EventLog, type LogEntry, type LogFollower, PUBLIC } from '../../lib/mesh/index.js';
import { eventually } from '../helpers/eventually.js';

export interface EventLogHarness {
  log: EventLog;
  close?(): void | Promise<void>;
}

/** The limit of the logs in these tests. A log may keep up to LEEWAY more. */
const MAX_EVENTS = 100;
const LEEWAY = 200;

/** Records the entries it receives, without the internal entries of a log. */
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

/** The contract of every EventLog, wherever it keeps its events. */
export function eventLogContract(
  name: string,
  makeLog: (options: {
    maxEvents: number;
    maxEventsPerAudience: number;
    maxHistorySize?: number;
  }) => EventLogHarness | Promise<EventLogHarness>,
): void {
  describe(`${name} as an EventLog`, () => {
    let harness: EventLogHarness;
    let log: EventLog;

    beforeEach(async () => {
      harness = await makeLog({ maxEvents: MAX_EVENTS, maxEventsPerAudience: 10 });
      ({ log } = harness);
    });

    afterEach(async () => {
      await harness.close?.();
    });

    const range = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `${from + index}`);
    const append = (texts: readonly string[]) =>
      Promise.all(texts.map(async text => log.append({ channel: PUBLIC, type: 'a.b', text })));
    const read = async (after?: string, limit = 1_000) => {
      const page = await log.read({ channels: [PUBLIC], after, limit });
      const events = page.entries.filter(({ type }) => type !== '');
      return { ...page, texts: events.map(({ text }) => text), events };
    };

    it('returns what was appended, unchanged and in order', async () => {
      const texts = ['{"a":1}', '"\u2028 ключ 🔑 \\u0000"', '', ' \r\n ', 'x'.repeat(100_000)];
      const cursors: string[] = [];
      for (const text of texts)
        cursors.push(await log.append({ channel: PUBLIC, type: `type.${text.length}`, text }));
      const page = await read();
      expect(page.events).toEqual(
        texts.map((text, index) => ({
          cursor: cursors[index],
          channel: PUBLIC,
          type: `type.${text.length}`,
          text,
        })),
      );
      expect(page).toMatchObject({ isGap: false, isEnd: true, cursor: cursors.at(-1) });
    });

    it('keeps the order of appends, even if they are not awaited', async () => {
      const cursors = await append(range(0, 50));
      expect((await read()).texts).toEqual(range(0, 50));
      expect((await read()).events.map(({ cursor }) => cursor)).toEqual(cursors);
    });

    it('returns cursors whose ids only grow', async () => {
      const cursors = await append(range(0, 50));
      const places = cursors.map(cursor => parseCursor(cursor)!);
      for (const [index, { time, number }] of places.entries()) {
        if (index === 0) continue;
        const before = places[index - 1]!;
        expect(time > before.time || (time === before.time && number > before.number)).toBe(true);
      }
    });

    it('continues after any of its cursors without a gap', async () => {
      const cursors = await append(range(0, 20));
      for (const [index, cursor] of cursors.entries()) {
        const page = await read(cursor);
        expect(page.texts).toEqual(range(index + 1, 20));
        expect(page).toMatchObject({ isGap: false, isEnd: true, cursor: cursors.at(-1) });
      }
    });

    it.each([1, 3, 7, 20, 21])('returns every event once in pages of %i', async limit => {
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

    it('returns every event once, however large, in pages that may be shorter than requested', async () => {
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

    it('has a cursor to continue from while it is empty', async () => {
      const empty = await read();
      expect(empty).toMatchObject({ texts: [], isGap: false, isEnd: true });
      await append(['first']);
      expect(await read(empty.cursor)).toMatchObject({ texts: ['first'], isGap: false });
    });

    it.each([
      '000000.0-0',
      '',
      'x',
      '-',
      '+',
      '$',
      '0-0',
      '0',
      '000000.1-1',
      'abcdef.1-1\n',
      '000000.99999999999999-1',
    ])(
      'reports a gap after %j, which is not one of its cursors, and continues from the oldest entry',
      async cursor => {
        await append(range(0, 3));
        expect(await read(cursor)).toMatchObject({ texts: range(0, 3), isGap: true, isEnd: true });
      },
    );

    it('keeps the newest events within its limit, and reports a gap after dropped ones', async () => {
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

    it('delivers new entries to a follower, once and in order', async () => {
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

    describe('with several channels', () => {
      const to = (channel: string, ...texts: string[]) =>
        Promise.all(texts.map(async text => log.append({ channel, type: 'a.b', text })));
      const textsOf = async (channels: string[], after?: string, limit = 1_000) => {
        const page = await log.read({ channels, after, limit });
        return { ...page, texts: page.entries.map(({ text }) => text) };
      };

      it('returns the entries of the requested channels only, in the order of the log', async () => {
        const [start] = await to(PUBLIC, 'p0');
        await to('u:bob', 'b1');
        await to('u:bob.smith', 's2');
        await to(PUBLIC, 'p3');
        await to('u:*', 'w4');
        await to('u:bob', 'b5');
        expect((await textsOf(['u:bob', PUBLIC], start)).texts).toEqual(['b1', 'p3', 'b5']);
        expect((await textsOf(['u:*'], start)).texts).toEqual(['w4']);
        expect((await textsOf(['u:nobody'], start)).texts).toEqual([]);
      });

      it.each([1, 2, 3, 100])('returns every entry once in pages of %i', async limit => {
        const [first] = await to(PUBLIC, 'start');
        for (let n = 0; n < 12; n++) await to(['u:a', 'r:b', PUBLIC, 'u:other'][n % 4]!, `${n}`);
        const found: string[] = [];
        for (let after = first, isEnd = false; !isEnd;) {
          const page = await textsOf(['u:a', 'r:b', PUBLIC], after, limit);
          expect(page.isGap).toBe(false);
          found.push(...page.texts);
          ({ cursor: after, isEnd } = page);
        }
        expect(found).toEqual(['0', '1', '2', '4', '5', '6', '8', '9', '10']);
      });

      it('reads about one page of entries, however many channels it merges', async () => {
        const channels = Array.from({ length: 10 }, (_, room) => `r:${room}`);
        const [first] = await to(PUBLIC, 'start');
        for (let n = 0; n < 8; n++) for (const channel of channels) await to(channel, `${n}`);
        const found: string[] = [];
        for (let after = first, isEnd = false; !isEnd;) {
          const page = await textsOf(channels, after, 8);
          expect(page.scanned).toBeLessThanOrEqual(8 + channels.length);
          found.push(...page.texts);
          ({ cursor: after, isEnd } = page);
        }
        expect(found).toEqual(range(0, 8).flatMap(n => channels.map(() => n)));
      });

      it('delivers entries of channels that are listened to, and no others', async () => {
        const follower = new RecordingFollower();
        await log.follow(follower);
        await log.listen('u:a');
        await log.listen('u:a');
        await to('u:b', 'nobody');
        await to('u:a', '1');
        await to(PUBLIC, '2');
        log.unlisten('u:a');
        await to('u:a', '3');
        await eventually(() => follower.entries.length >= 3);
        log.unlisten('u:a');
        await to('u:a', 'nobody');
        await to(PUBLIC, '4');
        await eventually(() => follower.texts.includes('4'));
        expect(follower.texts).toEqual(['1', '2', '3', '4']);
        expect(follower.entries.map(({ channel }) => channel)).toEqual(['u:a', '', 'u:a', '']);
      });

      it('keeps the configured number of entries per audience, and reports a gap for missing ones', async () => {
        const cursors = await to('u:a', ...range(0, 30));
        const kept = range(20, 30);
        expect((await textsOf(['u:a'])).texts).toEqual(kept);
        expect(await textsOf(['u:a'], cursors[19])).toMatchObject({ isGap: false, texts: kept });
        expect(await textsOf(['u:a'], cursors[18])).toMatchObject({ isGap: true, texts: kept });
        expect(await textsOf(['u:b'], cursors[18])).toMatchObject({ isGap: false, texts: [] });
      });

      it('keeps as many addressed entries in total as public ones, and reports a gap for missing ones', async () => {
        const [first] = await to('u:a', 'a');
        await to(PUBLIC, 'p');
        for (let user = 0; user < 20; user++) await to(`u:${user}`, ...range(0, 8));
        expect(await textsOf(['u:a'], first)).toMatchObject({ texts: [], isGap: true });
        expect(await textsOf(['u:19'], first)).toMatchObject({ texts: range(0, 8) });
        expect(await textsOf([PUBLIC], first)).toMatchObject({ texts: ['p'], isGap: false });
      });

      it('keeps the events of every small audience, however large those of some others are', async () => {
        const bounds = { maxEvents: 10_000, maxEventsPerAudience: 1_000, maxHistorySize: 100_000 };
        const { log: small, close } = await makeLog(bounds);
        const send = (channel: string, text: string) =>
          small.append({ channel, type: 'a.b', text });
        const after = await send(PUBLIC, 'before');
        for (const user of range(0, 20)) await send(`u:${user}`, user);
        for (const round of range(0, 10))
          for (const room of range(0, 64)) await send(`r:${room}`, round.padEnd(1_000));
        const readOf = (channel: string) => small.read({ channels: [channel], after, limit: 100 });
        for (const user of range(0, 20)) {
          const { entries, isGap } = await readOf(`u:${user}`);
          expect({ texts: entries.map(({ text }) => text), isGap }).toEqual({
            texts: [user],
            isGap: false,
          });
        }
        let size = 0;
        for (const room of range(0, 64)) {
          const { entries, isGap } = await readOf(`r:${room}`);
          expect(isGap).toBe(true);
          expect(entries.at(-1)?.text.trim()).toBe('9');
          size += entries.length * 1_000;
        }
        expect(size).toBeLessThanOrEqual(100_000);
        expect(size).toBeGreaterThan(98_000);
        await close?.();
      });

      it('delivers events of types with any characters', async () => {
        const follower = new RecordingFollower();
        await log.follow(follower);
        const types = ['a b', ' a', 'a ', 'ä.😀', '0-0 x', '"'];
        for (const type of types) await log.append({ channel: PUBLIC, type, text: `of ${type}` });
        await eventually(() => follower.entries.length >= types.length);
        expect(follower.entries.map(({ type, text }) => [type, text])).toEqual(
          types.map(type => [type, `of ${type}`]),
        );
      });

      it('stores the rights of a user to as many patterns and rooms as a client may have', async () => {
        const rights = range(0, 32 + 64);
        const granted: string[] = [];
        for (const right of rights) granted.push(await log.grant('bob', right));
        await to(PUBLIC, 'later');
        for (const [at, right] of rights.entries())
          expect(idOf(await log.grant('bob', right))).toBe(idOf(granted[at]!));
      });

      it('stores since when a user has a right, until it is withdrawn', async () => {
        const [before] = await to(PUBLIC, 'before');
        const since = await log.grant('bob', 'a.*');
        expect(hasReached(since, before!)).toBe(true);
        const [after] = await to(PUBLIC, 'after');
        expect(hasReached(since, after!)).toBe(false);
        expect(idOf(await log.grant('bob', 'a.*'))).toBe(idOf(since));
        expect(hasReached(await log.grant('alice', 'a.*'), after!)).toBe(true);
        expect(hasReached(await log.grant('bob', 'a.**'), after!)).toBe(true);
        await log.withdraw('bob', 'a.*');
        expect(hasReached(await log.grant('bob', 'a.*'), after!)).toBe(true);
        await log.withdraw('bob');
        expect(idOf(await log.grant('bob', 'a.*', since))).toBe(idOf(since));
      });
    });

    it('can be followed from its beginning', async () => {
      const follower = new RecordingFollower();
      const position = await log.follow(follower);
      await append(['first']);
      await eventually(() => follower.entries.length > 0);
      expect(follower.texts).toEqual(['first']);
      expect(await read(position)).toMatchObject({ texts: ['first'], isGap: false });
    });
  });
}
