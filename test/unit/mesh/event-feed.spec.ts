import {
  EventFeed,
  EventLog,
  InMemoryEventLog,
  type LogEntry,
  type LogFollower,
} from '../../../lib/mesh/index.js';
import { SecurityEvents } from '../../../lib/monitoring/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const memory = () => new InMemoryEventLog({ maxEvents: 100, maxHistorySize: 1e6 }, new FakeClock());
/** Tells nobody else of a log that fails. */
const feedOf = (log: EventLog) =>
  new EventFeed(log, new FakeClock(), new SecurityEvents(resolvedOptions(), new FakeClock()));
const follower = (
  entry: (entry: LogEntry) => void,
  gap: (cursor: string) => void = () => undefined,
) => ({ entry, gap });

/** A log that can be reached when the test says so. */
class RemoteLog extends EventLog {
  follows = 0;
  follower: LogFollower | undefined;
  answer: { resolve: (cursor: string) => void; reject: (error: unknown) => void } | undefined;

  append = () => '1-1';
  read = () => ({ entries: [], cursor: '1-1', isGap: false, isEnd: true });
  follow(by: LogFollower): Promise<string> {
    this.follows++;
    this.follower = by;
    return new Promise((resolve, reject) => (this.answer = { resolve, reject }));
  }
}

describe('EventFeed', () => {
  it('does not follow the log before it is started', () => {
    const log = memory();
    const feed = feedOf(log);
    const told: string[] = [];
    feed.add(follower(({ text }) => told.push(text)));
    log.append('t', 'before');
    expect([told, feed.position]).toEqual([[], undefined]);
    const position = feed.start();
    log.append('t', 'after');
    expect(told).toEqual(['after']);
    expect(feed.position).not.toBe(position);
    expect(feed.start()).toBe(feed.position);
  });

  it('tells every follower of each entry in order, also of those published while one is told', () => {
    const log = memory();
    const feed = feedOf(log);
    const [first, second]: [string[], string[]] = [[], []];
    feed.add(
      follower(({ text, cursor }) => {
        first.push(text);
        expect(feed.position).toBe(cursor);
        if (text.length < 3) log.append('t', `${text}a`);
        if (text.length < 2) log.append('t', `${text}b`);
      }),
    );
    feed.add(follower(({ text }) => second.push(text)));
    void feed.start();
    log.append('t', 'x');
    expect(first).toEqual(['x', 'xa', 'xb', 'xaa', 'xba']);
    expect(second).toEqual(first);
  });

  it('goes on where a follower throws, and tells the others', () => {
    const lines = captureLog();
    const log = memory();
    const feed = feedOf(log);
    const told: string[] = [];
    feed.add(
      follower(({ text }) => {
        if (text === '1') throw new Error('boom');
      }),
    );
    feed.add(follower(({ text }) => told.push(text)));
    void feed.start();
    log.append('t', '1');
    log.append('t', '2');
    expect(told).toEqual(['1', '2']);
    expect(lines.filter(({ text }) => text.includes('boom'))).toHaveLength(1);
  });

  it('follows once, however many start it, and again only after it failed', async () => {
    const log = new RemoteLog();
    const feed = feedOf(log);
    const both = [feed.start(), feed.start()];
    expect(log.follows).toBe(1);
    log.answer?.reject(new Error('down'));
    for (const start of both) await expect(start).rejects.toThrow('not available');
    const again = feed.start();
    expect(log.follows).toBe(2);
    log.answer?.resolve('5-0');
    expect(await again).toBe('5-0');
    expect(feed.start()).toBe('5-0');
    expect(log.follows).toBe(2);
  });

  it('keeps the position of what was told before following was confirmed', async () => {
    const log = new RemoteLog();
    const feed = feedOf(log);
    const start = feed.start();
    log.follower?.entry({ cursor: '6-0', type: 't', text: 'x' });
    log.answer?.resolve('5-0');
    await start;
    expect(feed.position).toBe('6-0');
  });

  it('tells every follower of a gap, and goes on behind it', () => {
    const log = new RemoteLog();
    const feed = feedOf(log);
    const gaps: string[] = [];
    for (let n = 0; n < 2; n++)
      feed.add(
        follower(
          () => undefined,
          cursor => gaps.push(cursor),
        ),
      );
    void feed.start();
    log.follower?.gap('9-0');
    expect([gaps, feed.position]).toEqual([['9-0', '9-0'], '9-0']);
  });
});
