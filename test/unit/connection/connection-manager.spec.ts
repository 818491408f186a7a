import { jest } from '@jest/globals';
import {
  Client,
  ConnectionManager,
  InMemoryConnectionStore,
  type ManagedConnection,
  type Revocation,
  RevocationBus,
  SingleNodeRevocationBus,
} from '../../../lib/connection/index.js';
import { ConnectionSlot } from '../../../lib/connection/connection-slot.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const LIMITS = { maxConnections: 4, maxConnectionsPerAddress: 2, maxConnectionsPerUser: 2 };

function manager(connection = {}, bus: RevocationBus = new SingleNodeRevocationBus()) {
  const store = new InMemoryConnectionStore();
  const options = resolvedOptions({ connection: { ...LIMITS, ...connection } });
  const connections = new ConnectionManager(options, store, bus, new FakeClock());
  managers.push(connections);
  return { connections, store };
}

const managers: ConnectionManager[] = [];

afterEach(() => {
  jest.useRealTimers();
  for (const connections of managers.splice(0)) connections.onApplicationShutdown();
});

class FakeConnection implements ManagedConnection {
  readonly ended: string[] = [];
  queuedBytes = 0;
  checks = 0;

  constructor(readonly client: Client) {}

  end(code: string) {
    this.ended.push(code);
  }

  checkDeadlines() {
    this.checks++;
  }
}

describe('reserve', () => {
  it('rejects an address at its limit, and no other address', async () => {
    const { connections } = manager();
    for (let times = 0; times < 2; times++)
      expect(await connections.reserve('192.0.2.1')).toBeInstanceOf(ConnectionSlot);
    expect(await connections.reserve('192.0.2.1')).toBe('TOO_MANY_CONNECTIONS');
    expect(await connections.reserve('192.0.2.2')).toBeInstanceOf(ConnectionSlot);
  });

  it('rejects every address when the server is full', async () => {
    const { connections } = manager();
    for (let host = 1; host <= 4; host++) await connections.reserve(`192.0.2.${host}`);
    expect(await connections.reserve('192.0.2.5')).toBe('SERVER_FULL');
  });

  it('counts one IPv6 /64 as one address', async () => {
    const { connections } = manager();
    await connections.reserve('2001:db8::1');
    await connections.reserve('2001:db8::ffff:2');
    expect(await connections.reserve('2001:db8:0:0:abcd::3')).toBe('TOO_MANY_CONNECTIONS');
    expect(await connections.reserve('2001:db8:0:1::1')).toBeInstanceOf(ConnectionSlot);
  });

  it('accepts exactly as many of 100 concurrent connections as the limit allows', async () => {
    const { connections, store } = manager({ maxConnections: 50, maxConnectionsPerAddress: 10 });
    const slots = await Promise.all(
      Array.from({ length: 100 }, () => connections.reserve('192.0.2.1')),
    );
    const taken = slots.filter(slot => slot instanceof ConnectionSlot);
    expect(taken).toHaveLength(10);
    for (const slot of taken) slot.release();
    expect(store.size).toBe(0);
  });

  it('canConnect returns what reserve would decide, without reserving', async () => {
    const { connections, store } = manager();
    await connections.reserve('192.0.2.1');
    expect(await connections.canConnect('192.0.2.1')).toBe(true);
    await connections.reserve('192.0.2.1');
    expect(await connections.canConnect('192.0.2.1')).toBe(false);
    expect(await connections.canConnect('192.0.2.2')).toBe(true);
    expect(store.count('all')).toBe(2);
  });
});

describe('claimUser', () => {
  it('limits the connections of a user, whatever the addresses', async () => {
    const { connections } = manager();
    const slots = await Promise.all(
      ['a', 'b', 'c'].map(address => connections.reserve(`addr-${address}`)),
    );
    const claims = slots.map(async slot => connections.claimUser(slot as ConnectionSlot, 'alice'));
    expect(await Promise.all(claims)).toEqual([true, true, false]);
    expect(await connections.claimUser(slots[2] as ConnectionSlot, 'bob')).toBe(true);
  });

  it('counts a numeric id and its text as the same user', async () => {
    const { connections, store } = manager();
    const slot = (await connections.reserve('192.0.2.1')) as ConnectionSlot;
    await connections.claimUser(slot, 7);
    expect(store.count('user:7')).toBe(1);
  });

  it('does not confuse a user id with the name of another counter', async () => {
    const { connections, store } = manager();
    const slot = (await connections.reserve('192.0.2.1')) as ConnectionSlot;
    await connections.claimUser(slot, 'all');
    expect(store.count('all')).toBe(1);
  });
});

describe('open connections', () => {
  const filled = () => {
    const { connections } = manager();
    const all = ['alice', 'bob', 'alice', undefined].map(
      user => new FakeConnection(clientAt('192.0.2.1', user)),
    );
    for (const connection of all) connections.add(connection);
    return { connections, all };
  };

  it('are listed, counted and found until they are removed', () => {
    const { connections, all } = filled();
    expect(connections.list()).toEqual(all.map(({ client }) => client));
    expect(connections.get(all[1]!.client.id)).toBe(all[1]!.client);
    connections.remove(all[1]!);
    connections.remove(all[1]!);
    expect(connections.count).toBe(3);
    expect(connections.get(all[1]!.client.id)).toBeUndefined();
  });

  it('are closed by client or by user, and no others', () => {
    const { connections, all } = filled();
    expect(connections.disconnectUser('alice')).toBe(2);
    expect(connections.disconnect(all[1]!.client.id, 'SESSION_EXPIRED')).toBe(true);
    expect(connections.disconnect('constructor')).toBe(false);
    expect(connections.disconnectUser('undefined')).toBe(0);
    expect(all.map(({ ended }) => ended)).toEqual([
      ['REVOKED'],
      ['SESSION_EXPIRED'],
      ['REVOKED'],
      [],
    ]);
  });

  it('are scanned by one timer while there are any', () => {
    jest.useFakeTimers();
    const { connections, all } = filled();
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(1_050);
    expect(all.map(({ checks }) => checks)).toEqual([10, 10, 10, 10]);
    for (const connection of all) connections.remove(connection);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a revocation of another node', () => {
  const DRIFT = 5_000;
  const at = 100_000;
  /** The connections that a revocation closes, by name. */
  const closedBy = (revocation: Omit<Revocation, 'code' | 'at'>) => {
    let receive: (revocation: Revocation) => void = () => undefined;
    class FakeBus extends RevocationBus {
      publish = () => undefined;
      subscribe = (listener: typeof receive) => {
        receive = listener;
      };
    }
    const { connections } = manager({}, new FakeBus());
    const opened: [name: string, connectedAt: number, user?: object][] = [
      ['before', at, { id: 7, issuedAt: at + 1 }],
      ['early', at + DRIFT, { id: '7', issuedAt: at + 1 }],
      ['late', at + DRIFT + 1, { id: '7', issuedAt: at + 1 }],
      ['by an old token', at + DRIFT + 1, { id: '7', issuedAt: at }],
      ['by no token', at + DRIFT + 1, { id: '7' }],
      ['of the session', at + DRIFT + 1, { id: 'other', sessionId: '7', issuedAt: at + 1 }],
      ['of another user', 0, { id: 'other' }],
      ['of no user', 0],
    ];
    const all = opened.map(([name, connectedAt, user]) => {
      const client = new Client({ address: '192.0.2.1', url: '/', headers: {} }, connectedAt);
      if (user) client.authenticateAs(user as { id: string }, Infinity);
      const connection = new FakeConnection(client);
      connections.add(connection);
      return { name, connection };
    });
    receive({ ...revocation, code: 'REVOKED', at });
    return all.filter(({ connection }) => connection.ended.length > 0).map(({ name }) => name);
  };

  it.each<[string, Omit<Revocation, 'code' | 'at'>, string[]]>([
    ['a disconnect of a user', { kind: 'user', id: '7' }, ['before', 'early']],
    [
      'a log-out of a user',
      { kind: 'user', id: '7', until: Infinity },
      ['before', 'by an old token', 'by no token'],
    ],
    ['a disconnect of a session', { kind: 'session', id: '7' }, ['of the session']],
    ['the end of a session', { kind: 'session', id: '7', until: Infinity }, ['of the session']],
  ])('closes the connections that it includes, old or new: %s', (_, revocation, names) => {
    expect(closedBy(revocation)).toEqual(names);
  });
});
