import {
  EntrySeal,
  EventFeed,
  EventLog,
  InMemoryEventLog,
  type LogEntry,
  type LogFollower,
  PUBLIC,
} from '../../../lib/mesh/index.js';
import { SecurityEvents } from '../../../lib/monitoring/index.js';
import type { SemanticEventsOptions, SigningKeyOptions } from '../../../lib/options/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { append, entryAt, LOG_LIMITS } from '../../helpers/event-logs.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const memory = () => new InMemoryEventLog(LOG_LIMITS, new FakeClock());
function feedOf(
  log: EventLog,
  options: Partial<SemanticEventsOptions> = {},
  clock = new FakeClock(),
) {
  const resolved = resolvedOptions(options);
  const seal = new EntrySeal(new EventSigner(resolved, clock));
  return new EventFeed(log, seal, clock, new SecurityEvents(resolved, clock));
}
const follower = (
  entry: (entry: LogEntry) => void,
  gap: (cursor: string) => void = () => undefined,
) => ({ entry, gap });

/** A log that the test makes available. */
class RemoteLog extends EventLog {
  override isPrivate = true;
  follows = 0;
  follower: LogFollower | undefined;
  answer: { resolve: (cursor: string) => void; reject: (error: unknown) => void } | undefined;

  append = () => '1-1';
  read = () => ({ entries: [], cursor: '1-1', isGap: false, isEnd: true, scanned: 0 });
  listen = () => undefined;
  unlisten = () => undefined;
  grant = () => '1-1';
  withdraw = () => undefined;
  follow(by: LogFollower): Promise<string> {
    this.follows++;
    this.follower = by;
    return new Promise((resolve, reject) => (this.answer = { resolve, reject }));
  }
}

interface Change {
  type?: string;
  channel?: string;
  edit?: (text: string) => string;
}

/** A log that other nodes can write to. */
class SharedLog extends InMemoryEventLog {
  override readonly isPrivate = false;
}

describe('EventFeed', () => {
  it('does not follow the log before it is started', () => {
    const log = memory();
    const feed = feedOf(log);
    const delivered: string[] = [];
    feed.add(follower(({ text }) => delivered.push(text)));
    append(log, 't', 'before');
    expect([delivered, feed.position]).toEqual([[], undefined]);
    const position = feed.start();
    append(log, 't', 'after');
    expect(delivered).toEqual(['after']);
    expect(feed.position).not.toBe(position);
    expect(feed.start()).toBe(feed.position);
  });

  it('delivers each entry in order to every follower, including entries published during a delivery', () => {
    const log = memory();
    const feed = feedOf(log);
    const [first, second]: [string[], string[]] = [[], []];
    feed.add(
      follower(({ text, cursor }) => {
        first.push(text);
        expect(feed.position).toBe(cursor);
        if (text.length < 3) append(log, 't', `${text}a`);
        if (text.length < 2) append(log, 't', `${text}b`);
      }),
    );
    feed.add(follower(({ text }) => second.push(text)));
    void feed.start();
    append(log, 't', 'x');
    expect(first).toEqual(['x', 'xa', 'xb', 'xaa', 'xba']);
    expect(second).toEqual(first);
  });

  it('continues after a follower throws, and delivers to the others', () => {
    const lines = captureLog();
    const log = memory();
    const feed = feedOf(log);
    const delivered: string[] = [];
    feed.add(
      follower(({ text }) => {
        if (text === '1') throw new Error('boom');
      }),
    );
    feed.add(follower(({ text }) => delivered.push(text)));
    void feed.start();
    append(log, 't', '1');
    append(log, 't', '2');
    expect(delivered).toEqual(['1', '2']);
    expect(lines.filter(({ text }) => text.includes('boom'))).toHaveLength(1);
  });

  it('follows the log once for any number of starts, and again only after a failure', async () => {
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

  it('keeps the position of entries delivered before following was confirmed', async () => {
    const log = new RemoteLog();
    const feed = feedOf(log);
    const start = feed.start();
    log.follower?.entry(entryAt('6-0'));
    log.answer?.resolve('5-0');
    await start;
    expect(feed.position).toBe('6-0');
  });

  it('moves its position when the log says so, but not past entries that wait for their delivery', () => {
    const log = new RemoteLog();
    const feed = feedOf(log);
    const positions: unknown[] = [];
    feed.add(
      follower(({ cursor }) => {
        if (cursor === '8-0') log.follower?.reached?.('9-0');
        positions.push(feed.position);
      }),
    );
    void feed.start();
    log.follower?.reached?.('7-0');
    expect(feed.position).toBe('7-0');
    log.follower?.entry(entryAt('8-0'));
    expect(positions).toEqual(['8-0']);
  });

  it('has groups only if its log has them', () => {
    const feed = feedOf(new RemoteLog());
    expect(feed.hasGroups).toBe(false);
    expect(() => feed.openGroup('Worker.do', '1-1')).toThrow(
      "Worker.do: this EventLog has no openGroup(), which delivery: 'once' needs",
    );
    expect(feedOf(memory()).hasGroups).toBe(true);
  });

  it('names its store in the report of an outage', async () => {
    captureLog();
    const log = new RemoteLog();
    const clock = new FakeClock();
    const resolved = resolvedOptions();
    const events = new SecurityEvents(resolved, clock);
    const seen: unknown[] = [];
    events.subscribe(event => seen.push(event));
    const seal = new EntrySeal(new EventSigner(resolved, clock));
    const feed = new EventFeed(log, seal, clock, events);
    const starting = feed.start();
    log.answer?.reject(new Error('down'));
    await expect(starting).rejects.toThrow('not available');
    expect(seen).toEqual([expect.objectContaining({ store: 'events' })]);
  });

  it('reports a gap to every follower, and continues after it', () => {
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

  describe('with a log that others can write to', () => {
    const OLD = { id: 'old', secret: 'o'.repeat(32) };
    const NEW = { id: 'new', secret: 'n'.repeat(32) };
    const withKeys = (...keys: SigningKeyOptions[]) => ({ signing: { keys } });
    const textsIn = async (feed: EventFeed) => {
      const query = { channels: [PUBLIC], after: undefined, limit: 100 };
      const { entries, isGap } = await feed.read(query);
      return { texts: entries.map(({ text }) => text), isGap };
    };

    it('delivers and reads entries of every node with a common key, also after a rotation', async () => {
      const log = new SharedLog(LOG_LIMITS, new FakeClock());
      const publisher = feedOf(log, withKeys(OLD));
      const reader = feedOf(log, withKeys(NEW, OLD));
      const texts: string[] = [];
      reader.add(follower(({ text }) => texts.push(text)));
      await reader.start();
      await publisher.append({ channel: PUBLIC, type: 't', text: '{"a":"b c"}' });
      expect(texts).toEqual(['{"a":"b c"}']);
      expect(await textsIn(reader)).toEqual({ texts, isGap: false });
    });

    it('drops entries without a valid MAC, logs that once, and reads a gap', async () => {
      const lines = captureLog();
      const log = new SharedLog(LOG_LIMITS, new FakeClock());
      const reader = feedOf(log, withKeys(NEW));
      const texts: string[] = [];
      reader.add(follower(({ text }) => texts.push(text)));
      await reader.start();
      append(log, 't', '{"a":1}');
      append(log, 't', `new.${'A'.repeat(43)} {"a":1}`);
      await feedOf(log, withKeys(OLD)).append({ channel: PUBLIC, type: 't', text: '{"a":1}' });
      await feedOf(log, withKeys({ ...OLD, id: 'new' })).append({
        channel: PUBLIC,
        type: 't',
        text: '{}',
      });
      expect(texts).toEqual([]);
      expect(await textsIn(reader)).toEqual({ texts: [], isGap: true });
      expect(lines.filter(({ text }) => text.includes('without a valid MAC'))).toHaveLength(1);
    });

    it.each([
      ['not yet', { notBefore: 1_000 }],
      ['no longer', { notAfter: -1_000 }],
    ])('drops entries whose key is %s in force', async (_, period) => {
      captureLog();
      const clock = new FakeClock();
      const dates = Object.entries(period).map(([name, by]) => [name, new Date(clock.now() + by)]);
      const log = new SharedLog(LOG_LIMITS, clock);
      const texts: string[] = [];
      const limited = { ...OLD, ...(Object.fromEntries(dates) as Partial<SigningKeyOptions>) };
      const reader = feedOf(log, withKeys(NEW, limited), clock);
      reader.add(follower(({ text }) => texts.push(text)));
      await reader.start();
      await feedOf(log, withKeys(OLD)).append({ channel: PUBLIC, type: 't', text: '{}' });
      expect(texts).toEqual([]);
      expect(await textsIn(reader)).toEqual({ texts: [], isGap: true });
    });

    it.each([
      ['type', { type: 'other' }],
      ['channel', { channel: 'u:bob' }],
      ['text', { edit: (text: string) => text.replace('1', '2') }],
    ])('drops an entry whose %s was changed', async (_, { edit = String, ...change }: Change) => {
      const log = new SharedLog(LOG_LIMITS, new FakeClock());
      const feed = feedOf(log, withKeys(NEW));
      await feed.append({ channel: PUBLIC, type: 't', text: '{"a":1}' });
      const [entry] = log.read({ channels: [PUBLIC], after: undefined, limit: 1 }).entries;
      const { type, channel, text } = entry!;
      const changed = { type, channel, ...change, text: edit(text) };
      const other = new SharedLog(LOG_LIMITS, new FakeClock());
      other.append(changed);
      const reader = feedOf(other, withKeys(NEW));
      const query = { channels: [changed.channel], after: undefined, limit: 1 };
      expect(await reader.read(query)).toMatchObject({ entries: [], isGap: true });
    });
  });
});
