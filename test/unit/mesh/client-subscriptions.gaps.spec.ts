import { ClientSubscriptions } from '../../../lib/mesh/client-subscriptions.js';
import type { SubscriptionOutlet, SubscriptionSource } from '../../../lib/mesh/subscription.js';
import { BEGINNING } from '../../../lib/mesh/cursor.js';
import type { Delivery } from '../../../lib/mesh/delivery.js';
import type { LogEntry, LogPage } from '../../../lib/mesh/index.js';
import { PatternIndex } from '../../../lib/mesh/pattern-index.js';
import { eventually, pause } from '../../helpers/eventually.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

const entriesAt = (...cursors: string[]): LogEntry[] =>
  cursors.map(cursor => ({ cursor, type: 'chat.message', text: '{}' }));

/** A node whose log several share: what it has heard of is not what is in the log. */
class Node implements SubscriptionSource {
  readonly maxPatterns = 8;
  readonly index = new PatternIndex<ClientSubscriptions>();
  position: string = BEGINNING;
  entries: LogEntry[] = [];

  start = () => this.position;
  allows = () => Promise.resolve(true);
  codeOf = () => 'INTERNAL' as const;

  read(after: string, limit: number): LogPage {
    const index = this.entries.findIndex(({ cursor }) => cursor === after);
    const entries = this.entries.slice(index + 1, index + 1 + limit);
    const isEnd = index + 1 + limit >= this.entries.length;
    return { entries, cursor: entries.at(-1)?.cursor ?? after, isGap: index < 0, isEnd };
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

  /** What the follower of the log tells. */
  tell(...entries: LogEntry[]): void {
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

  /** The cursors of the events told, and where a gap was. */
  get story(): string[] {
    return this.frames
      .filter(({ type }) => type === 'event' || type === 'gap')
      .map(({ type, cursor }) => (type === 'gap' ? 'gap' : (cursor as string)));
  }
}

describe('a client of a node that finds its log replaced', () => {
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
    client.tellGap(cursor);
  };

  it('is told of a gap, and of what comes then', async () => {
    await subscribed();
    node.tell(...entriesAt('1-1'));
    gap();
    node.tell(...entriesAt('2-1'));
    expect(outlet.story).toEqual(['1-1', 'gap', '2-1']);
  });

  it('is not told again what it was told from the new one already', async () => {
    node.position = '1-9';
    node.entries = entriesAt('2-1', '2-2', '2-3');
    await subscribed('1-5');
    await eventually(() => node.index.size === 1);
    gap();
    node.tell(...entriesAt('2-1', '2-2', '2-3'));
    node.entries.push(...entriesAt('2-4'));
    node.tell(...entriesAt('2-4'));
    await eventually(() => outlet.story.includes('2-4'));
    await eventually(() => node.index.size === 1);
    node.tell(...entriesAt('2-5'));
    expect(outlet.story).toEqual(['gap', '2-1', '2-2', '2-3', '2-4', '2-5']);
  });

  it('is told of what the new one has though it was told from the old one, and its clock is behind', async () => {
    node.position = '5-1';
    node.entries = entriesAt('5-1', '5-2');
    await subscribed('5-1');
    await eventually(() => node.index.size === 1);
    node.entries = entriesAt('4-1');
    gap();
    node.tell(...entriesAt('4-1'));
    await eventually(() => outlet.story.includes('4-1'));
    await eventually(() => node.index.size === 1);
    expect(outlet.story).toEqual(['5-2', 'gap', '4-1']);
  });

  it('can subscribe at once to more, and is told everything once all the same', async () => {
    node.position = '1-9';
    node.entries = entriesAt('2-1', '2-2', '2-3', '2-4');
    await subscribed('2-2');
    await eventually(() => node.index.size === 1);
    node.entries.push(...entriesAt('2-5'));
    gap('2-1');
    client.subscribe({ patterns: ['chat.**'], since: '2-5' });
    node.tell(...node.entries.slice(1));
    await eventually(() => node.index.size === 2);
    node.tell(...entriesAt('2-6'));
    await pause(0);
    expect(outlet.story).toEqual(['2-3', '2-4', '2-5', '2-6']);
  });

  it('misses nothing unawares while it is told from the old one', async () => {
    node.position = '5-3';
    node.entries = entriesAt('5-1', '5-2', '5-3');
    outlet.queuedBytes = Infinity;
    await subscribed('5-1');
    await eventually(() => outlet.unsent.length === 1);
    node.entries = entriesAt('4-1', '4-2');
    gap();
    node.tell(...entriesAt('4-1', '4-2'));
    outlet.queuedBytes = 0;
    outlet.unsent.pop()?.();
    await eventually(() => node.index.size === 1);
    await pause(0);
    expect(outlet.story).toEqual(['5-2', '5-3', 'gap', '4-1', '4-2']);
  });
});
