import { jest } from '@jest/globals';
import type { EventAuthorizer } from '../../../lib/auth/index.js';
import type { Client } from '../../../lib/connection/index.js';
import {
  BEGINNING,
  CursorSeal,
  EntrySeal,
  EventFeed,
  InMemoryEventLog,
  InMemoryRoomStore,
  PUBLIC,
} from '../../../lib/mesh/index.js';
import { channelOf } from '../../../lib/mesh/audience.js';
import type { SubscriptionOutlet } from '../../../lib/mesh/subscription.js';
import { SubscriptionHub } from '../../../lib/mesh/subscription-hub.js';
import { SecurityEvents } from '../../../lib/monitoring/index.js';
import type { SemanticEventsOptions } from '../../../lib/options/index.js';
import { NATIVE_PROTOCOL, RefusalError } from '../../../lib/protocol/index.js';
import { BroadcastSigner, EventSigner } from '../../../lib/signing/index.js';
import { LOG_LIMITS } from '../../helpers/event-logs.js';
import { eventually } from '../../helpers/eventually.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

const TIMEOUT = 1_000;

describe('SubscriptionHub', () => {
  let lines: LogLine[];
  let signer: EventSigner;
  let log: InMemoryEventLog;
  let feed: EventFeed;
  let rooms: InMemoryRoomStore;
  let hub: SubscriptionHub;
  /** The rights that were looked up: user, and pattern or room. */
  let asked: string[];
  let decide: (user: string, right: string) => unknown;

  const start = (mesh: SemanticEventsOptions['mesh'] = {}) => {
    const clock = new FakeClock();
    const options = resolvedOptions({
      auth: { validateToken: () => null, timeout: TIMEOUT },
      mesh,
    });
    signer = new EventSigner(options, clock);
    log = new InMemoryEventLog(LOG_LIMITS, clock);
    rooms = new InMemoryRoomStore();
    feed = new EventFeed(log, new EntrySeal(signer), clock, new SecurityEvents(options, clock));
    const ask = ({ user }: Client, right: string) => {
      asked.push(`${user?.id} ${right}`);
      return decide(String(user?.id), right) as boolean;
    };
    const authorizer: EventAuthorizer = { canPublish: () => true, canSubscribe: ask, canJoin: ask };
    hub = new SubscriptionHub(
      options,
      feed,
      authorizer,
      signer,
      new BroadcastSigner(),
      new CursorSeal(signer, clock),
      rooms,
      clock,
    );
  };

  /** Opens the subscriptions of a client, and collects what it receives. */
  const open = (client: Client) => {
    const frames: Json[] = [];
    const ends: unknown[] = [];
    const outlet: SubscriptionOutlet = {
      client,
      subprotocol: NATIVE_PROTOCOL,
      queuedBytes: 0,
      isOpen: true,
      send: (message: string | Buffer) =>
        frames.push(JSON.parse(typeof message === 'string' ? message : textOf(message)) as Json),
      refuse: (code: string) => frames.push({ refused: code }),
      end: (code: string) => ends.push(code),
    };
    signer.sessionKeyOf(client);
    const subscriptions = hub.open(outlet);
    const subscribe = async (...patterns: string[]) => {
      const { length } = frames;
      subscriptions.subscribe({ patterns });
      await eventually(() => frames.length > length);
    };
    return { client, subscriptions, frames, ends, subscribe };
  };
  const named = (user: string) => {
    const client = clientAt('192.0.2.1');
    client.authenticateAs({ id: user, sessionId: `s-${user}` }, Infinity);
    return open(client);
  };
  const publish = (type: string, channel = PUBLIC) =>
    log.append({ channel, type, text: JSON.stringify({ type }) });
  const typesOf = (frames: Json[]) =>
    frames.map(({ type, event }) => (event as Json | undefined)?.type ?? type);

  beforeEach(() => {
    lines = captureLog();
    asked = [];
    decide = () => true;
    start();
  });

  it('delivers public events to subscribers of their type, and others to the members of their channel', async () => {
    const [alice, bob] = [named('alice'), named('bob')];
    await alice.subscribe('a');
    await bob.subscribe('b');
    publish('a');
    publish('a', channelOf({ user: 'bob' }));
    publish('b', channelOf({ user: 'bob' }));
    publish('b', channelOf({ user: 'nobody' }));
    expect(typesOf(alice.frames)).toEqual(['subscribed', 'a']);
    expect(typesOf(bob.frames)).toEqual(['subscribed', 'b']);
    expect(hub.count).toBe(2);
    hub.close(alice.subscriptions);
    publish('a');
    expect(typesOf(alice.frames)).toHaveLength(2);
    expect([hub.count, hub.index.size]).toEqual([1, 1]);
  });

  it('gives a client the channels of its connection, user, session and rooms, and no other', async () => {
    const { client } = named('alice');
    await hub.rooms.join(client, 'lobby');
    const room = { channel: 'r:lobby', since: expect.any(String) as string };
    expect(hub.channelsOf(client)).toEqual([
      { channel: channelOf({ client: client.id }), since: BEGINNING },
      { channel: channelOf({ user: 'alice' }), since: BEGINNING },
      { channel: channelOf({ session: 's-alice' }), since: BEGINNING },
      room,
    ]);
    const anonymous = clientAt('192.0.2.1');
    expect(hub.channelsOf(anonymous)).toEqual([
      { channel: channelOf({ client: anonymous.id }), since: BEGINNING },
    ]);
    const odd = clientAt('192.0.2.1', '\ud800');
    expect(hub.channelsOf(odd).map(({ channel }) => channel)).toEqual([
      channelOf({ client: odd.id }),
    ]);
  });

  it('listens to a channel in the log as long as a client does', async () => {
    const [listened, left] = [jest.spyOn(log, 'listen'), jest.spyOn(log, 'unlisten')];
    const [first, second] = [named('alice'), named('alice')];
    const channel = channelOf({ user: 'alice' });
    const calls = (spy: typeof left | typeof listened) =>
      spy.mock.calls.filter(([name]) => name === channel).length;
    await first.subscribe('a');
    await second.subscribe('a');
    expect([calls(listened), calls(left)]).toEqual([2, 0]);
    hub.closed(first.client);
    publish('a', channel);
    expect(typesOf(first.frames)).toEqual(['subscribed']);
    expect(typesOf(second.frames)).toEqual(['subscribed', 'a']);
    hub.closed(second.client);
    hub.unlisten(channel, second.subscriptions as never);
    expect(calls(left)).toBe(2);
  });

  it('authorizes all subscriptions and rooms of the user again, and nobody else', async () => {
    const [alice, bob] = [named('alice'), named('bob')];
    for (const { subscribe, client } of [alice, bob]) {
      await subscribe('a', 'b');
      await hub.rooms.join(client, 'lobby');
    }
    expect(hub.rightsOf(alice.client)).toBe(3);
    asked = [];
    decide = (_, right) => right === 'b';
    await hub.reauthorize('alice');
    expect(asked).toEqual(['alice a', 'alice b', 'alice lobby']);
    expect(alice.frames.at(-1)).toEqual({ type: 'unsubscribed', patterns: ['a'] });
    expect([hub.rightsOf(alice.client), hub.rightsOf(bob.client)]).toEqual([1, 3]);
    asked = [];
    await hub.reauthorizeClient(bob.client);
    expect(asked).toEqual(['bob a', 'bob b', 'bob lobby']);
    expect(rooms.count('lobby')).toEqual({ users: 0, connections: 0 });
  });

  it('withdraws exactly the patterns that an asynchronous authorizer denies, and no others', async () => {
    const alice = named('alice');
    await alice.subscribe('a', 'b', 'c');
    decide = (_, right) => Promise.resolve(right === 'b');
    await hub.reauthorize('alice');
    const withdrawn = alice.frames.slice(1).flatMap(({ type, patterns }) => [type, patterns]);
    expect(withdrawn).toEqual(['unsubscribed', ['a'], 'unsubscribed', ['c']]);
    for (const type of ['a', 'b', 'c']) publish(type);
    expect(typesOf(alice.frames).slice(3)).toEqual(['b']);
  });

  it('delivers nothing of a pattern that the client has unsubscribed from', async () => {
    const alice = named('alice');
    await alice.subscribe('a', 'b');
    alice.subscriptions.unsubscribe({ patterns: ['a', 'other'], id: 'r-1' });
    await eventually(() => alice.frames.length > 1);
    expect(alice.frames[1]).toEqual({ type: 'unsubscribed', patterns: ['a', 'other'], id: 'r-1' });
    for (const type of ['a', 'b']) publish(type);
    expect(typesOf(alice.frames).slice(2)).toEqual(['b']);
  });

  it('authorizes every subscription of one client again, one for each namespace', async () => {
    const alice = named('alice');
    const second = open(alice.client);
    await alice.subscribe('a');
    await second.subscribe('b');
    asked = [];
    decide = () => false;
    await hub.reauthorizeClient(alice.client);
    expect(asked).toEqual(['alice a', 'alice b']);
    hub.closed(alice.client);
    await hub.reauthorizeClient(alice.client);
    expect(asked).toHaveLength(2);
    expect(hub.rightsOf(alice.client)).toBe(0);
  });

  it('forgets a look-up of a right that was withdrawn meanwhile', async () => {
    const alice = named('alice');
    const answers: ((may: boolean) => void)[] = [];
    decide = () => new Promise(resolve => answers.push(resolve));
    alice.subscriptions.subscribe({ patterns: ['a'] });
    await eventually(() => answers.length === 1);
    await hub.withdraw('alice');
    answers[0]!(true);
    await eventually(() => answers.length === 2);
    answers[1]!(false);
    await eventually(() => alice.frames.length > 0);
    expect(alice.frames).toEqual([{ refused: 'FORBIDDEN' }]);
  });

  it('grants nothing to a client whose connection has ended', async () => {
    const granted = jest.spyOn(log, 'grant');
    const alice = named('alice');
    hub.closed(alice.client);
    expect(await hub.allows(alice.client, 'a')).toBeUndefined();
    expect(granted).not.toHaveBeenCalled();
    expect(await hub.allows(named('bob').client, 'a')).toBeDefined();
  });

  it('reports a gap to every client, and authorizes them all again: a withdrawal may be lost', async () => {
    const all = Array.from({ length: 130 }, (_, n) => named(`u${n}`));
    for (const { subscribe } of all) await subscribe('a');
    const inRoom = clientAt('192.0.2.1', 'visitor');
    await hub.rooms.join(inRoom, 'lobby');
    asked = [];
    hub.gap(BEGINNING);
    await eventually(() => asked.length >= 131);
    expect(new Set(asked).size).toBe(131);
    expect(asked).toContain('visitor lobby');
    for (const { frames } of all) expect(typesOf(frames)).toEqual(['subscribed', 'gap']);
  });

  it('authorizes the next clients after a gap even if the authorizer never answers for the first', async () => {
    const all = Array.from({ length: 65 }, (_, n) => named(`u${n}`));
    for (const { subscribe } of all) await subscribe('a');
    jest.useFakeTimers();
    try {
      asked = [];
      decide = () => new Promise(() => undefined);
      hub.gap(BEGINNING);
      expect(asked).toHaveLength(64);
      await jest.advanceTimersByTimeAsync(TIMEOUT / 2 - 1);
      expect(asked).toHaveLength(64);
      await jest.advanceTimersByTimeAsync(1);
      expect(asked).toHaveLength(65);
    } finally {
      jest.useRealTimers();
    }
  });

  it('ends the connection of a client whose rights are unknown', async () => {
    const alice = named('alice');
    await alice.subscribe('a');
    await hub.rooms.join(alice.client, 'lobby');
    decide = (_, right) => {
      if (right === 'lobby') throw new Error('down');
      return true;
    };
    await hub.reauthorizeClient(alice.client);
    expect(alice.ends).toEqual(['UNAVAILABLE']);
    publish('a');
    expect(typesOf(alice.frames)).toEqual(['subscribed']);
  });

  it('enters and leaves rooms in the store, and their channel in the subscriptions', async () => {
    const { client, frames, subscribe } = named('alice');
    await subscribe('a');
    await hub.rooms.join(client, 'lobby');
    await hub.rooms.join(clientAt('192.0.2.1'), 'lobby');
    expect(rooms.count('lobby')).toEqual({ users: 1, connections: 2 });
    publish('a', 'r:lobby');
    hub.rooms.leave(client, 'lobby');
    publish('a', 'r:lobby');
    expect(typesOf(frames)).toEqual(['subscribed', 'a']);
    expect(rooms.count('lobby')).toEqual({ users: 0, connections: 1 });
  });

  it('survives a store that cannot remove a client from a room', async () => {
    const { client } = named('alice');
    await hub.rooms.join(client, 'lobby');
    jest.spyOn(rooms, 'exit').mockImplementation(() => {
      throw new Error('down');
    });
    hub.rooms.leave(client, 'lobby');
    expect(hub.rooms.of(client)).toEqual([]);
  });

  it('reports a gap to a client that an event cannot be signed for, and serves the others', async () => {
    const [alice, bob] = [named('alice'), named('bob')];
    await alice.subscribe('a');
    await bob.subscribe('a');
    const failing = jest.spyOn(alice.subscriptions['events'], 'deliver');
    failing.mockImplementation(() => {
      throw new RefusalError('UNAVAILABLE');
    });
    publish('a');
    expect(lines).toEqual([]);
    failing.mockImplementation(() => {
      throw new TypeError('fault');
    });
    publish('a');
    expect(typesOf(alice.frames)).toEqual(['subscribed', 'gap', 'gap']);
    expect(typesOf(bob.frames)).toEqual(['subscribed', 'a', 'a']);
    expect(lines.map(({ text }) => text).join()).toContain('TypeError');
  });

  it('passes on a refusal, and makes any other error an outage that the log names', () => {
    const refusal = new RefusalError('FORBIDDEN');
    expect(hub.refusalOf(refusal)).toBe(refusal);
    expect(lines).toEqual([]);
    expect(hub.refusalOf(new TypeError('canary'))).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'TypeError was thrown',
    });
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('charges a read of the log to the user that waits for it', async () => {
    const turns = hub['turns'];
    const [next, charge] = [jest.spyOn(turns, 'next'), jest.spyOn(turns, 'charge')];
    publish('a');
    publish('a');
    const { client } = named('alice');
    const page = await hub.read(client, { channels: [PUBLIC], after: BEGINNING, limit: 9 });
    expect(page.entries).toHaveLength(2);
    expect(next).toHaveBeenCalledWith('alice');
    expect(charge).toHaveBeenCalledWith('alice', 2);
  });

  it('allows a client mesh.maxPatterns in all its frames together, and counts known ones once', async () => {
    start({ maxPatterns: 3 });
    const alice = named('alice');
    await alice.subscribe('a', 'b');
    await alice.subscribe('b', 'c');
    await alice.subscribe('d');
    expect(alice.frames.at(-1)).toEqual({ refused: 'FORBIDDEN' });
    publish('d');
    expect(typesOf(alice.frames)).toEqual(['subscribed', 'subscribed', undefined]);
    expect(hub.index.size).toBe(3);
  });

  it('sends no history from before the right of a client, whatever cursor it names', async () => {
    publish('a');
    const since = log.append({ channel: PUBLIC, type: 'a', text: '{"type":"a","id":"2"}' });
    log.append({ channel: PUBLIC, type: 'a', text: '{"type":"a","id":"3"}' });
    decide = () => ({ since: hub.sealCursor(since) });
    const alice = named('alice');
    alice.subscriptions.subscribe({ patterns: ['a'], since: hub.sealCursor(BEGINNING) });
    await eventually(() => hub.index.size === 1);
    const ids = alice.frames.flatMap(({ event }) => (event ? [(event as Json).id] : []));
    expect(ids).toEqual(['3']);
  });

  it('takes its limits from the options', async () => {
    start({ maxPatterns: 2, maxRooms: 1 });
    expect([hub.maxPatterns, hub.isOpen]).toEqual([2, true]);
    const { client } = named('alice');
    await hub.rooms.join(client, 'a');
    await expect(hub.rooms.join(client, 'b')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(hub.whyForbidden('a')).toBe('EventAuthorizer.canSubscribe: a');
    expect(hub.openCursor(hub.sealCursor('abcdef.7-1'))).toBe('abcdef.7-1');
  });

  it('counts the clients that have a pattern', async () => {
    const [alice, bob] = [named('alice'), named('bob')];
    expect(hub.count).toBe(0);
    await alice.subscribe('a', 'b');
    expect([hub.count, bob.frames]).toEqual([1, []]);
  });

  it('reads missed events for a client without a user', async () => {
    publish('a');
    const query = { channels: [PUBLIC], after: BEGINNING, limit: 9 };
    expect((await hub.read(clientAt('192.0.2.1'), query)).entries).toHaveLength(1);
  });

  it('follows the log before a client enters a room, so that it learns of withdrawn rights', async () => {
    expect(feed.position).toBeUndefined();
    await hub.rooms.join(clientAt('192.0.2.1', 'alice'), 'lobby');
    expect(feed.position).toBeDefined();
  });
});
