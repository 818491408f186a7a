import type { Client } from '../../../lib/index.js';
import { ClientSubscriptions } from '../../../lib/mesh/client-subscriptions.js';
import type { SubscriptionSource } from '../../../lib/mesh/subscription.js';
import { Delivery } from '../../../lib/mesh/delivery.js';
import { InMemoryEventLog, type LogEntry, type LogPage } from '../../../lib/mesh/index.js';
import { PatternIndex } from '../../../lib/mesh/pattern-index.js';
import { type Code, RefusalError } from '../../../lib/protocol/index.js';
import { BroadcastSigner, EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { eventually } from '../../helpers/eventually.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

/** A promise the test resolves, and until then counts who waits for it. */
class Gate {
  private opened: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;
  waiting = 0;

  close() {
    this.opened = new Promise(resolve => (this.open = resolve));
  }

  async pass() {
    this.waiting++;
    await this.opened;
    this.waiting--;
  }
}

/** A log that many nodes share, and a feed that is behind it by as much as the test wants. */
class Node implements SubscriptionSource {
  readonly maxPatterns = 8;
  readonly index = new PatternIndex<ClientSubscriptions>();
  readonly log = new InMemoryEventLog({ maxEvents: 1_000, maxHistorySize: 1e6 }, new FakeClock());
  readonly starting = new Gate();
  readonly reading = new Gate();
  readonly signer = new EventSigner(resolvedOptions(), new FakeClock());
  readonly broadcasts = new BroadcastSigner();
  isAllowed = true;
  reads = 0;
  position = this.log.follow({ entry: entry => this.coming.push(entry), gap: () => undefined });
  private readonly coming: LogEntry[] = [];

  async start() {
    await this.starting.pass();
    return this.position;
  }

  async read(after: string, limit: number): Promise<LogPage> {
    this.reads++;
    await this.reading.pass();
    return this.log.read(after, limit);
  }

  deliveryOf(entry: LogEntry) {
    return new Delivery(entry, this.signer, this.broadcasts);
  }

  allows(_client: Client, _pattern: string) {
    return this.isAllowed;
  }

  codeOf(error: unknown): Code {
    return error instanceof RefusalError ? error.code : 'UNAVAILABLE';
  }

  publish(type: string, ...all: unknown[]) {
    for (const data of all) this.log.append(type, JSON.stringify({ data, type }));
  }

  /** Lets the feed tell the next entries. */
  tell(count = Infinity) {
    for (const entry of this.coming.splice(0, count)) {
      this.position = entry.cursor;
      const delivery = this.deliveryOf(entry);
      for (const subscriber of this.index.match(entry.type)) subscriber.deliver(delivery);
    }
  }
}

class Outlet {
  readonly client = clientAt('192.0.2.1', 'alice');
  readonly subprotocol = 'semantic-events.v1';
  readonly frames: Json[] = [];
  readonly ends: Code[] = [];
  isOpen = true;
  queuedBytes = 0;
  /** Called when the last message has left. */
  sent: (() => void) | undefined;

  send(message: string | Buffer, sent?: () => void) {
    this.frames.push(JSON.parse(textOf(message)) as Json);
    this.sent = sent;
  }

  refuse(code: Code) {
    this.frames.push({ type: 'error', code });
  }

  end(code: Code) {
    this.ends.push(code);
  }

  get events() {
    return this.frames
      .filter(({ type }) => type === 'event')
      .map(({ event }) => (event as Json).data as unknown);
  }
}

const setUp = () => {
  const [node, outlet] = [new Node(), new Outlet()];
  return { node, outlet, subscriptions: new ClientSubscriptions(outlet, node) };
};
/** Whatever can happen without more time has happened. */
const settled = async () => {
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
};
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => from + at);

describe('ClientSubscriptions, where the feed is behind the log', () => {
  it('tells nothing twice that the client was told from the log already', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 100));
    node.tell(40);
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    // Whole pages of the log: as far as the feed, and a little further.
    expect(outlet.events).toEqual(numbers(0, 64));
    node.tell(10);
    expect(outlet.events).toEqual(numbers(0, 64));
    node.tell(30);
    expect(outlet.events).toEqual(numbers(0, 80));
    node.publish('a', 100);
    node.tell();
    expect(outlet.events).toEqual(numbers(0, 101));
  });

  it('answers a further subscription with a cursor that covers what the client knows of', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', 0, 1, 2);
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    const { cursor } = outlet.frames.at(-1)!;
    subscriptions.subscribe({ patterns: ['b'] });
    await settled();
    expect(outlet.frames.at(-1)).toMatchObject({ type: 'subscribed', cursor });
  });

  it('tells from the log, in order, what other patterns bring while one catches up', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('b', ...numbers(0, 10));
    node.publish('a', 10);
    node.tell();
    subscriptions.subscribe({ patterns: ['a'] });
    await settled();
    node.reading.close();
    node.publish('a', 11);
    node.tell();
    subscriptions.subscribe({ patterns: ['b'], since });
    await settled();
    node.publish('a', 12);
    node.tell();
    node.reading.open();
    await settled();
    node.publish('b', 13);
    node.publish('a', 14);
    node.tell();
    expect(outlet.events).toEqual([11, 12, ...numbers(0, 10), 13, 14]);
  });

  it('tells from the log what comes for other patterns during the catching up', async () => {
    const { node, outlet, subscriptions } = setUp();
    subscriptions.subscribe({ patterns: ['a'] });
    await settled();
    const since = node.position;
    node.publish('b', ...numbers(0, 40));
    node.tell();
    outlet.queuedBytes = 1e6;
    subscriptions.subscribe({ patterns: ['b'], since });
    await settled();
    expect(outlet.events).toEqual([0]);
    node.publish('a', 40, 41);
    node.publish('b', 42);
    node.tell();
    expect(outlet.events).toEqual([0]);
    outlet.queuedBytes = 0;
    outlet.sent?.();
    await settled();
    expect(outlet.events).toEqual(numbers(0, 43));
    node.publish('a', 43);
    node.tell();
    expect(outlet.events).toEqual(numbers(0, 44));
  });

  it('reads the log again, not without a pause, until it is where the feed is', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', 0);
    const behind = node.log.read(since, 9);
    node.publish('a', 1);
    node.tell();
    const read = node.read.bind(node);
    node.read = async (after, limit) =>
      node.reads < 3 ? (node.reads++, behind) : read(after, limit);
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    expect(node.reads).toBeLessThanOrEqual(2);
    await eventually(() => outlet.events.at(-1) === 1);
    expect(node.index.size).toBe(1);
  });
});

describe('ClientSubscriptions of a client whose rights go', () => {
  it.each(['starting', 'reading'] as const)(
    'while it waits for %s gets no subscription',
    async gate => {
      const { node, outlet, subscriptions } = setUp();
      node[gate].close();
      subscriptions.subscribe({ patterns: ['a'], since: node.position });
      await settled();
      expect(node[gate].waiting).toBe(1);
      node.isAllowed = false;
      await subscriptions.reauthorize();
      node[gate].open();
      await settled();
      expect(outlet.frames).toEqual([{ type: 'error', code: 'FORBIDDEN' }]);
      expect(node.index.size).toBe(0);
    },
  );

  it('while it catches up is told of nothing more', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 5));
    node.tell();
    outlet.queuedBytes = 1e6;
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    node.isAllowed = false;
    await subscriptions.reauthorize();
    outlet.queuedBytes = 0;
    outlet.sent?.();
    await settled();
    expect(outlet.events).toEqual([0]);
    expect(outlet.frames.at(-1)).toEqual({ type: 'unsubscribed', patterns: ['a'] });
    expect([node.index.size, subscriptions.isSubscribed]).toEqual([0, false]);
  });

  it('at once, where the authorizer answers at once', async () => {
    const { node, outlet, subscriptions } = setUp();
    subscriptions.subscribe({ patterns: ['a'] });
    await settled();
    node.isAllowed = false;
    void subscriptions.reauthorize();
    node.publish('a', 1);
    node.tell();
    expect(outlet.events).toEqual([]);
  });
});

describe('ClientSubscriptions of a connection that closes', () => {
  it.each([
    ['starting', undefined],
    ['starting', '0-0'],
    ['reading', '0-0'],
  ] as const)('while it waits for %s (since %s) leaves nothing behind', async (gate, since) => {
    const { node, outlet, subscriptions } = setUp();
    node[gate].close();
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    outlet.isOpen = false;
    subscriptions.close();
    node[gate].open();
    await settled();
    expect([outlet.frames, node.index.size, subscriptions.isSubscribed]).toEqual([[], 0, false]);
  });

  it('while it catches up stops reading, and leaves nothing behind', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 500));
    node.tell();
    outlet.queuedBytes = 1e6;
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    outlet.isOpen = false;
    subscriptions.close();
    outlet.sent?.();
    await settled();
    expect([node.reads, node.index.size, outlet.events]).toEqual([1, 0, [0]]);
  });
});

describe('ClientSubscriptions where something fails', () => {
  it('refuses UNAVAILABLE when the log cannot be asked, and takes the next request', async () => {
    const { node, outlet, subscriptions } = setUp();
    const read = node.read.bind(node);
    node.read = () => Promise.reject(new Error('down'));
    subscriptions.subscribe({ patterns: ['a'], since: node.position });
    await settled();
    expect(outlet.frames).toEqual([{ type: 'error', code: 'UNAVAILABLE' }]);
    node.read = read;
    subscriptions.subscribe({ patterns: ['a'], since: node.position });
    await settled();
    expect(outlet.frames.at(-1)).toMatchObject({ type: 'subscribed' });
  });

  it('ends the connection when the log fails half-way: what it was told of it can ask for again', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 100));
    node.tell();
    const read = node.read.bind(node);
    node.read = async (after, limit) => {
      if (node.reads > 0) throw new Error('down');
      return read(after, limit);
    };
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    expect(outlet.events).toEqual(numbers(0, 32));
    expect(outlet.ends).toEqual(['UNAVAILABLE']);
  });

  it('tells of a gap when events were lost to the node, by the cursor behind it', async () => {
    const { node, outlet, subscriptions } = setUp();
    subscriptions.tellGap('8-0');
    subscriptions.subscribe({ patterns: ['a', 'b'] });
    await settled();
    subscriptions.tellGap('9-0');
    expect(outlet.frames.slice(1)).toEqual([{ type: 'gap', patterns: ['a', 'b'], cursor: '9-0' }]);
    expect(node.reads).toBe(0);
  });
});
