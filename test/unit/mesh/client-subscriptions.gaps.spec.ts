import { ClientSubscriptions } from '../../../lib/mesh/client-subscriptions.js';
import type {
  Subscriber,
  SubscriptionOutlet,
  SubscriptionSource,
} from '../../../lib/mesh/subscription.js';
import { BEGINNING, idOf } from '../../../lib/mesh/cursor.js';
import type { Delivery } from '../../../lib/mesh/delivery.js';
import type { LogEntry, LogPage, LogQuery } from '../../../lib/mesh/index.js';
import type { Client } from '../../../lib/index.js';
import { PatternIndex } from '../../../lib/mesh/pattern-index.js';
import { WAITING_LIMITS } from '../../../lib/mesh/subscription-hub.js';
import { WaitingRequests } from '../../../lib/mesh/waiting-requests.js';
import { entryAt } from '../../helpers/event-logs.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { eventually, pause } from '../../helpers/eventually.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

/** Returns a cursor of the log with this id. */
const at = (id: string) => `abcdef.${id}`;
const entriesAt = (...cursors: string[]): LogEntry[] => cursors.map(cursor => entryAt(at(cursor)));

/** A node that shares its log: what the node has received may differ from what is in the log. */
class Node implements SubscriptionSource {
  readonly isOpen = true;
  readonly maxPatterns = 8;
  readonly patternsBeside = () => 0;
  readonly waiting = new WaitingRequests(WAITING_LIMITS);
  readonly index = new PatternIndex<Subscriber>();
  position: string = BEGINNING;
  entries: LogEntry[] = [];

  start = () => this.position;
  allows = () => Promise.resolve(BEGINNING);
  sealCursor = (cursor: string) => cursor;
  openCursor = (cursor: string) => cursor;
  channelsOf = () => [];
  listen = () => undefined;
  unlisten = () => undefined;
  whyForbidden = (pattern: string) => pattern;

  refusalOf = () => new RefusalError('INTERNAL');

  read(_client: Client, { after = BEGINNING, limit }: LogQuery): LogPage {
    const index = this.entries.findIndex(({ cursor }) => cursor === after);
    const entries = this.entries.slice(index + 1, index + 1 + limit);
    const isEnd = index + 1 + limit >= this.entries.length;
    return {
      entries,
      cursor: entries.at(-1)?.cursor ?? after,
      isGap: index < 0,
      isEnd,
      scanned: 0,
    };
  }

  deliveryOf(entry: LogEntry): Delivery {
    const { cursor } = entry;
    return {
      entry,
      sendTo: (outlet: Outlet, _: boolean, sent?: () => void) => {
        outlet.send(JSON.stringify({ type: 'event', cursor }), sent);
      },
    } as unknown as Delivery;
  }

  /** Delivers what the follower of the log receives. */
  deliverEntries(...entries: LogEntry[]): void {
    for (const entry of entries) {
      this.position = entry.cursor;
      for (const client of this.index.match(entry.type)) client.deliver(this.deliveryOf(entry));
    }
  }
}

class Outlet implements SubscriptionOutlet {
  readonly client = clientAt('192.0.2.1', 'bob');
  readonly subprotocol = 'semantic-events.v1';
  readonly isOpen = true;
  readonly frames: Json[] = [];
  readonly unsent: (() => void)[] = [];
  queuedBytes = 0;

  send(message: string | Buffer, sent?: () => void): void {
    this.frames.push(JSON.parse(textOf(message)) as Json);
    if (sent) this.unsent.push(sent);
  }

  refuse(code: string): void {
    throw new Error(code);
  }

  end(code: string): void {
    throw new Error(code);
  }

  /** The cursors of the sent events, and the gaps between them. */
  get story(): string[] {
    return this.frames
      .filter(({ type }) => type === 'event' || type === 'gap')
      .map(({ type, cursor }) => (type === 'gap' ? 'gap' : idOf(cursor as string)));
  }
}

describe('ClientSubscriptions of a node whose log was replaced', () => {
  let node: Node;
  let outlet: Outlet;
  let client: ClientSubscriptions;

  beforeEach(() => {
    node = new Node();
    outlet = new Outlet();
    client = new ClientSubscriptions(outlet, node);
  });

  const subscribed = async (since?: string) => {
    const answers = () => outlet.frames.filter(({ type }) => type === 'subscribed').length;
    const before = answers();
    client.subscribe({ patterns: ['chat.*'], since });
    await eventually(() => answers() > before);
  };
  const gap = (cursor = BEGINNING) => {
    node.position = cursor;
    client.reportGap(cursor);
  };

  it('sends a gap and then the following events', async () => {
    await subscribed();
    node.deliverEntries(...entriesAt('1-1'));
    gap();
    node.deliverEntries(...entriesAt('2-1'));
    expect(outlet.story).toEqual(['1-1', 'gap', '2-1']);
  });

  it('does not send an event again that came from the new log', async () => {
    node.position = at('1-9');
    node.entries = entriesAt('2-1', '2-2', '2-3');
    await subscribed(at('1-5'));
    await eventually(() => node.index.size === 1);
    gap();
    node.deliverEntries(...entriesAt('2-1', '2-2', '2-3'));
    node.entries.push(...entriesAt('2-4'));
    node.deliverEntries(...entriesAt('2-4'));
    await eventually(() => outlet.story.includes('2-4'));
    await eventually(() => node.index.size === 1);
    node.deliverEntries(...entriesAt('2-5'));
    expect(outlet.story).toEqual(['gap', '2-1', '2-2', '2-3', '2-4', '2-5']);
  });

  it('sends events of the new log even if its cursors are behind those of the old one', async () => {
    node.position = at('5-1');
    node.entries = entriesAt('5-1', '5-2');
    await subscribed(at('5-1'));
    await eventually(() => node.index.size === 1);
    node.entries = entriesAt('4-1');
    gap();
    node.deliverEntries(...entriesAt('4-1'));
    await eventually(() => outlet.story.includes('4-1'));
    await eventually(() => node.index.size === 1);
    expect(outlet.story).toEqual(['5-2', 'gap', '4-1']);
  });

  it('accepts another subscription at once and sends every event once', async () => {
    node.position = at('1-9');
    node.entries = entriesAt('2-1', '2-2', '2-3', '2-4');
    await subscribed(at('2-2'));
    await eventually(() => node.index.size === 1);
    node.entries.push(...entriesAt('2-5'));
    gap(at('2-1'));
    client.subscribe({ patterns: ['chat.**'], since: at('2-5') });
    node.deliverEntries(...node.entries.slice(1));
    await eventually(() => node.index.size === 2);
    node.deliverEntries(...entriesAt('2-6'));
    await pause(0);
    expect(outlet.story).toEqual(['2-3', '2-4', '2-5', '2-6']);
  });

  it('sends a gap before it misses events of the old log', async () => {
    node.position = at('5-3');
    node.entries = entriesAt('5-1', '5-2', '5-3');
    outlet.queuedBytes = Infinity;
    await subscribed(at('5-1'));
    await eventually(() => outlet.unsent.length === 1);
    node.entries = entriesAt('4-1', '4-2');
    gap();
    node.deliverEntries(...entriesAt('4-1', '4-2'));
    outlet.queuedBytes = 0;
    outlet.unsent.pop()?.();
    await eventually(() => node.index.size === 1);
    await pause(0);
    expect(outlet.story).toEqual(['5-2', '5-3', 'gap', '4-1', '4-2']);
  });
});
