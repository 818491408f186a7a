import type { Client } from '../../../lib/index.js';
import { ClientSubscriptions } from '../../../lib/mesh/client-subscriptions.js';
import type { OwnChannel, Subscriber, SubscriptionSource } from '../../../lib/mesh/subscription.js';
import { Delivery } from '../../../lib/mesh/delivery.js';
import {
  BEGINNING,
  InMemoryEventLog,
  type LogEntry,
  type LogPage,
  type LogQuery,
} from '../../../lib/mesh/index.js';
import type { MaybePromise } from '../../../lib/maybe-promise.js';
import { PatternIndex } from '../../../lib/mesh/pattern-index.js';
import { WAITING_LIMITS } from '../../../lib/mesh/subscription-hub.js';
import { WaitingRequests } from '../../../lib/mesh/waiting-requests.js';
import { type Code, RefusalError } from '../../../lib/protocol/index.js';
import { BroadcastSigner, EventSigner } from '../../../lib/signing/index.js';
import { append, LOG_LIMITS, read } from '../../helpers/event-logs.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { eventually } from '../../helpers/eventually.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

/** A promise that the test resolves. Counts who waits for it. */
class Gate {
  private opened: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;
  waiting = 0;
  isClosed = false;

  close() {
    this.isClosed = true;
    this.opened = new Promise(resolve => {
      this.open = () => {
        this.isClosed = false;
        resolve();
      };
    });
  }

  async pass() {
    this.waiting++;
    await this.opened;
    this.waiting--;
  }
}

/** A log that several nodes share, and a feed that the test keeps behind the log. */
class Node implements SubscriptionSource {
  readonly isOpen = true;
  readonly maxPatterns = 8;
  readonly patternsBeside = () => 0;
  readonly waiting = new WaitingRequests(WAITING_LIMITS);
  readonly index = new PatternIndex<Subscriber>();
  readonly log = new InMemoryEventLog({ ...LOG_LIMITS, maxEvents: 1_000 }, new FakeClock());
  readonly starting = new Gate();
  readonly reading = new Gate();
  readonly signer = new EventSigner(resolvedOptions(), new FakeClock());
  readonly broadcasts = new BroadcastSigner();
  isAllowed = true;
  reads = 0;
  readonly authorizing = new Gate();
  private delivered = this.log.follow({
    entry: entry => this.entries.push(entry),
    gap: () => undefined,
  });
  private readonly entries: LogEntry[] = [];

  /** undefined as long as the feed does not follow the log. */
  get position(): string | undefined {
    return this.starting.isClosed ? undefined : this.delivered;
  }

  async start() {
    await this.starting.pass();
    return this.delivered;
  }

  async read(_client: Client, query: LogQuery): Promise<LogPage> {
    this.reads++;
    await this.reading.pass();
    return this.log.read(query);
  }

  deliveryOf(entry: LogEntry) {
    return new Delivery(entry, this.signer, this.broadcasts, this.sealCursor);
  }

  allows(_client: Client, _pattern: string): MaybePromise<string | undefined> {
    const answer = this.isAllowed ? BEGINNING : undefined;
    return this.authorizing.isClosed ? this.authorizing.pass().then(() => answer) : answer;
  }

  sealCursor = (cursor: string) => cursor;
  openCursor = (cursor: string) => cursor;
  readonly listening = new Gate();
  channelsOf = (): OwnChannel[] => [];
  listen = (): MaybePromise<void> => (this.listening.isClosed ? this.listening.pass() : undefined);
  unlisten = () => undefined;

  whyForbidden = (pattern: string) => pattern;

  refusalOf(error: unknown): RefusalError {
    return error instanceof RefusalError ? error : new RefusalError('UNAVAILABLE');
  }

  publish(type: string, ...all: unknown[]) {
    for (const data of all) append(this.log, type, JSON.stringify({ data, type }));
  }

  /** Lets the feed deliver the next entries. */
  deliverNext(count = Infinity) {
    for (const entry of this.entries.splice(0, count)) {
      this.delivered = entry.cursor;
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
  /** Called when the last message has been sent. */
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
  // An authenticated client has a session key.
  node.signer.sessionKeyOf(outlet.client);
  return { node, outlet, subscriptions: new ClientSubscriptions(outlet, node) };
};
/** Waits until nothing more can happen without a timer. */
const settled = async () => {
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
};
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => from + at);

describe('ClientSubscriptions whose feed is behind the log', () => {
  it('does not send an event again that came from the log', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 100));
    node.deliverNext(40);
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    expect(outlet.frames[0]).toMatchObject({ type: 'subscribed', cursor: since });
    // Whole pages of the log: up to the position of the feed and a little further.
    expect(outlet.events).toEqual(numbers(0, 64));
    node.deliverNext(10);
    expect(outlet.events).toEqual(numbers(0, 64));
    node.deliverNext(30);
    expect(outlet.events).toEqual(numbers(0, 80));
    node.publish('a', 100);
    node.deliverNext();
    expect(outlet.events).toEqual(numbers(0, 101));
  });

  it('sends an event of its own channel that was published before this node listened to the channel', async () => {
    const { node, outlet, subscriptions } = setUp();
    const channel = 'u:alice';
    node.channelsOf = () => [{ channel, since: BEGINNING }];
    node.listening.close();
    subscriptions.subscribe({ patterns: ['a'], scope: 'own' });
    await settled();
    // The feed of this node does not receive it.
    node.log.append({ channel, type: 'a', text: '{"data":1,"type":"a"}' });
    node.listening.open();
    await settled();
    expect(outlet.frames[0]).toMatchObject({ type: 'subscribed', cursor: node.position });
    expect(outlet.events).toEqual([1]);
    const { reads } = node;
    subscriptions.subscribe({ patterns: ['b'], scope: 'own' });
    await settled();
    expect([node.reads, outlet.events]).toEqual([reads, [1]]);
  });

  it('sends events of its other patterns again if the client asks for them from a cursor', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    subscriptions.subscribe({ patterns: ['a.*'] });
    await settled();
    node.publish('a.b', 1);
    node.deliverNext();
    subscriptions.subscribe({ patterns: ['a.b'], since });
    await settled();
    expect(outlet.events).toEqual([1, 1]);
  });

  it('rejects more waiting requests than a connection may have', async () => {
    const { node, outlet, subscriptions } = setUp();
    node.authorizing.close();
    for (let request = 0; request <= WAITING_LIMITS.maxPerConnection; request++)
      subscriptions.subscribe({ patterns: ['a'] });
    expect(outlet.frames).toEqual([{ type: 'error', code: 'RATE_LIMITED' }]);
    node.authorizing.open();
    await settled();
    expect(outlet.frames).toHaveLength(1 + WAITING_LIMITS.maxPerConnection);
  });

  it('answers another subscription with a cursor that covers what the client has received', async () => {
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

  it('reads events of another pattern from the log, in order, during a catch-up', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('b', ...numbers(0, 10));
    node.publish('a', 10);
    node.deliverNext();
    subscriptions.subscribe({ patterns: ['a'] });
    await settled();
    node.reading.close();
    node.publish('a', 11);
    node.deliverNext();
    subscriptions.subscribe({ patterns: ['b'], since });
    await settled();
    node.publish('a', 12);
    node.deliverNext();
    node.reading.open();
    await settled();
    node.publish('b', 13);
    node.publish('a', 14);
    node.deliverNext();
    expect(outlet.events).toEqual([11, 12, ...numbers(0, 10), 13, 14]);
  });

  it('reads events that arrive for another pattern during a catch-up from the log', async () => {
    const { node, outlet, subscriptions } = setUp();
    subscriptions.subscribe({ patterns: ['a'] });
    await settled();
    const since = node.position;
    node.publish('b', ...numbers(0, 40));
    node.deliverNext();
    outlet.queuedBytes = 1e6;
    subscriptions.subscribe({ patterns: ['b'], since });
    await settled();
    expect(outlet.events).toEqual([0]);
    node.publish('a', 40, 41);
    node.publish('b', 42);
    node.deliverNext();
    expect(outlet.events).toEqual([0]);
    outlet.queuedBytes = 0;
    outlet.sent?.();
    await settled();
    expect(outlet.events).toEqual(numbers(0, 43));
    node.publish('a', 43);
    node.deliverNext();
    expect(outlet.events).toEqual(numbers(0, 44));
  });

  it('reads the log again, with pauses, until it reaches the position of the feed', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', 0);
    const behind = read(node.log, since, 9);
    node.publish('a', 1);
    node.deliverNext();
    const readOn = node.read.bind(node);
    node.read = async (asking, query) =>
      node.reads < 3 ? (node.reads++, behind) : readOn(asking, query);
    subscriptions.subscribe({ patterns: ['a'], since });
    await settled();
    expect(node.reads).toBeLessThanOrEqual(2);
    await eventually(() => outlet.events.at(-1) === 1);
    expect(node.index.size).toBe(1);
  });
});

describe('ClientSubscriptions during authorization', () => {
  it('does not miss an event published since the request, and sends each event once', async () => {
    const { node, outlet, subscriptions } = setUp();
    node.publish('a', 0);
    node.publish('b', 1);
    node.deliverNext();
    subscriptions.subscribe({ patterns: ['b'] });
    await settled();
    node.authorizing.close();
    subscriptions.subscribe({ patterns: ['*'] });
    node.publish('a', 2);
    node.publish('b', 3);
    node.deliverNext();
    await settled();
    expect(outlet.events).toEqual([3]);
    node.authorizing.open();
    await settled();
    node.publish('a', 4);
    node.publish('b', 5);
    node.deliverNext();
    expect(outlet.events).toEqual([3, 2, 4, 5]);
    expect(outlet.frames.filter(({ type }) => type === 'gap')).toEqual([]);
  });
});

describe('ClientSubscriptions of a client that loses its rights', () => {
  it.each(['starting', 'reading'] as const)(
    'creates no subscription while it waits for %s',
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

  it('sends nothing more during a catch-up', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 5));
    node.deliverNext();
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

  it('stops sending at once if the authorizer answers synchronously', async () => {
    const { node, outlet, subscriptions } = setUp();
    subscriptions.subscribe({ patterns: ['a'] });
    await settled();
    node.isAllowed = false;
    void subscriptions.reauthorize();
    node.publish('a', 1);
    node.deliverNext();
    expect(outlet.events).toEqual([]);
  });
});

describe('ClientSubscriptions whose rights cannot be decided', () => {
  it('ends the connection at once if an authorizer throws after it has begun a look-up that rejects', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const { node, outlet, subscriptions } = setUp();
      subscriptions.subscribe({ patterns: ['a', 'b'] });
      await settled();
      node.allows = (_client, pattern) => {
        if (pattern === 'a') return Promise.reject(new Error('query failed'));
        throw new Error('pool is closed');
      };
      expect(subscriptions.reauthorize()).toBeUndefined();
      expect([outlet.ends, node.index.size]).toEqual([['UNAVAILABLE'], 0]);
      await settled();
      expect([outlet.ends, unhandled]).toEqual([['UNAVAILABLE'], []]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('ClientSubscriptions of a connection that closes', () => {
  it.each([
    ['starting', undefined],
    ['starting', '0-0'],
    ['reading', '0-0'],
  ] as const)('does not leak while it waits for %s (since %s)', async (gate, since) => {
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

  it('stops reading during a catch-up, and does not leak', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 500));
    node.deliverNext();
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

describe('ClientSubscriptions on failure', () => {
  it('accepts no further request after it has ended the connection, even if that closes slowly', async () => {
    const { node, outlet, subscriptions } = setUp();
    node.publish('a', 1);
    node.deliverNext();
    subscriptions.subscribe({ patterns: ['a'], since: BEGINNING });
    node.deliveryOf = () => {
      throw new Error('broken');
    };
    await settled();
    expect(outlet.ends).toEqual(['UNAVAILABLE']);
    const frames = outlet.frames.length;
    subscriptions.subscribe({ patterns: ['b'] });
    await settled();
    expect(outlet.frames).toHaveLength(frames);
  });

  it('rejects with UNAVAILABLE if the log cannot be read, and accepts the next request', async () => {
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

  it('ends the connection if the log fails during a catch-up, so that the client can resume', async () => {
    const { node, outlet, subscriptions } = setUp();
    const since = node.position;
    node.publish('a', ...numbers(0, 100));
    node.deliverNext();
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

  it('sends a gap with the cursor after it if the node lost events', async () => {
    const { node, outlet, subscriptions } = setUp();
    subscriptions.reportGap('8-0');
    subscriptions.subscribe({ patterns: ['a', 'b'] });
    await settled();
    subscriptions.reportGap('9-0');
    expect(outlet.frames.slice(1)).toEqual([{ type: 'gap', patterns: ['a', 'b'], cursor: '9-0' }]);
    expect(node.reads).toBe(0);
  });
});
