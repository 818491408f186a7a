import { jest } from '@jest/globals';
import {
  Client,
  ConnectionManager,
  InMemoryConnectionStore,
  type ManagedConnection,
  ConnectionStore,
  isIssuedAfter,
  isLogOut,
  type Revocation,
  RevocationBus,
  type SlotClaim,
  SingleNodeRevocationBus,
} from '../../../lib/connection/index.js';
import { ConnectionSlot } from '../../../lib/connection/connection-slot.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';
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

describe('a disconnect on this node', () => {
  const at = new FakeClock().now();
  const start = () => {
    const published: Revocation[] = [];
    let receive: (revocation: Revocation) => void = () => undefined;
    class RecordingBus extends RevocationBus {
      publish = (revocation: Revocation) => void published.push(revocation);
      subscribe = (listener: typeof receive) => {
        receive = listener;
      };
    }
    const { connections } = manager({}, new RecordingBus());
    return {
      connections,
      published,
      receive: (revocation: Revocation) => {
        receive(revocation);
      },
    };
  };

  it('of a client that is elsewhere reaches the other nodes, and one of this node does not', () => {
    const { connections, published } = start();
    const own = new FakeConnection(clientAt('192.0.2.1'));
    connections.add(own);
    expect([connections.disconnect(own.client.id), published]).toEqual([true, []]);
    expect(own.ended).toEqual(['REVOKED']);
    expect(connections.disconnect('elsewhere')).toBe(false);
    expect(published).toEqual([{ kind: 'client', id: 'elsewhere', code: 'REVOKED', at }]);
  });

  it('of a user or a session reaches the other nodes, and the running authentications of this one', () => {
    const { connections, published } = start();
    connections.disconnectUser(7);
    connections.disconnectSession('s');
    expect(published).toEqual([
      { kind: 'user', id: '7', code: 'REVOKED', at },
      { kind: 'session', id: 's', code: 'REVOKED', at },
    ]);
    const codeOf = (user: { id: string; sessionId?: string }) =>
      connections.disconnects.codeSince(0, user);
    expect([codeOf({ id: '7' }), codeOf({ id: 'x', sessionId: 's' }), codeOf({ id: 'x' })]).toEqual(
      ['REVOKED', 'REVOKED', undefined],
    );
  });

  it('by another node closes that client, and is no disconnect of a user of the same name', () => {
    const { connections, receive } = start();
    const [one, other] = [1, 2].map(() => new FakeConnection(clientAt('192.0.2.1', 'alice')));
    for (const connection of [one!, other!]) connections.add(connection);
    const { id } = one!.client;
    receive({ kind: 'client', id, code: 'INTERNAL', at });
    expect([one!.ended, other!.ended]).toEqual([['INTERNAL'], []]);
    expect(connections.disconnects.latest).toBe(0);
    receive({ kind: 'user', id: 'bob', code: 'REVOKED', at });
    expect(connections.disconnects.codeSince(0, { id: 'bob' })).toBe('REVOKED');
    receive({ kind: 'session', id: 's', code: 'REVOKED', at });
    expect(connections.disconnects.codeSince(0, { id: 'x', sessionId: 's' })).toBe('REVOKED');
  });

  it('closes the other connections of a user, even if one of them throws', () => {
    const { connections } = start();
    const [one, other] = [1, 2].map(() => new FakeConnection(clientAt('192.0.2.1', 'alice')));
    jest.spyOn(one!, 'end').mockImplementation(() => {
      throw new Error('fault');
    });
    for (const connection of [one!, other!]) connections.add(connection);
    expect(connections.disconnectUser('alice')).toBe(2);
    expect(other!.ended).toEqual(['REVOKED']);
  });
});

describe('a log-out', () => {
  it.each<[kind: Revocation['kind'], until: number | undefined, is: boolean]>([
    ['user', 5, true],
    ['session', 5, true],
    ['user', undefined, false],
    ['session', undefined, false],
    ['client', 5, false],
  ])('is a revocation of a user or session with an end: %s, %s', (kind, until, is) => {
    expect(isLogOut({ kind, id: '7', code: 'REVOKED', at: 0, until })).toBe(is);
  });

  it('does not include a token that was issued later, and in doubt it does', () => {
    const issued = (issuedAt?: number) => isIssuedAfter({ issuedAt }, 5);
    expect([issued(6), issued(5), issued(4), issued()]).toEqual([true, false, false, false]);
  });

  it('is unknown to a single node, whose bus misses none', () => {
    const bus = new SingleNodeRevocationBus();
    bus.publish();
    bus.subscribe();
    bus.onGap(() => {
      throw new Error('there is no gap');
    });
    expect([bus.loggedOutAt('user', '7'), bus.clockLead]).toEqual([undefined, 0]);
  });
});

describe('the connections of this node', () => {
  it('are still checked while one is left, and not after the shutdown', () => {
    jest.useFakeTimers();
    const { connections } = manager();
    const [one, other] = [1, 2].map(() => new FakeConnection(clientAt('192.0.2.1')));
    for (const connection of [one!, other!]) connections.add(connection);
    one!.queuedBytes = 3;
    other!.queuedBytes = 4;
    expect(connections.queuedBytes).toBe(7);
    connections.remove(one!);
    jest.advanceTimersByTime(1_050);
    expect([one!.checks, other!.checks]).toEqual([0, 10]);
    connections.onApplicationShutdown();
    jest.advanceTimersByTime(1_050);
    expect([other!.checks, jest.getTimerCount()]).toEqual([10, 0]);
  });

  it('are checked even if the check of another one throws', () => {
    jest.useFakeTimers();
    const { connections } = manager();
    const [one, other] = [1, 2].map(() => new FakeConnection(clientAt('192.0.2.1')));
    jest.spyOn(one!, 'checkDeadlines').mockImplementation(() => {
      throw new Error('fault');
    });
    for (const connection of [one!, other!]) connections.add(connection);
    jest.advanceTimersByTime(550);
    expect(other!.checks).toBe(5);
  });
});

describe('while the store fails', () => {
  class Store extends InMemoryConnectionStore {
    isAway = false;
    override acquire(...given: Parameters<InMemoryConnectionStore['acquire']>) {
      if (this.isAway) throw new Error('away');
      return super.acquire(...given);
    }
    override count(key: string) {
      if (this.isAway) throw new Error('away');
      return super.count(key);
    }
  }
  /** A store that is not the one of this process, such as Redis. */
  class Remote extends ConnectionStore {
    readonly inner = new Store();
    acquire = (claims: readonly SlotClaim[]) => this.inner.acquire(claims);
    release = (keys: readonly string[]) => {
      this.inner.release(keys);
    };
    count = (key: string) => this.inner.count(key);
  }
  const start = (onStoreError: 'local' | 'allow' | 'deny') => {
    const store = new Remote();
    const clock = new FakeClock();
    const options = resolvedOptions({ connection: { ...LIMITS, onStoreError } });
    const bus = new SingleNodeRevocationBus();
    const connections = new ConnectionManager(options, store, bus, clock);
    managers.push(connections);
    return { connections, store: store.inner, clock };
  };
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  };

  beforeEach(() => {
    captureLog();
  });

  it("'deny' accepts no connection, and 'allow' any number", async () => {
    const denying = start('deny');
    denying.store.isAway = true;
    await expect(denying.connections.reserve('192.0.2.1')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const allowing = start('allow');
    allowing.store.isAway = true;
    for (let n = 0; n < 9; n++)
      expect(await allowing.connections.reserve('192.0.2.1')).toBeInstanceOf(ConnectionSlot);
  });

  it("'local' counts the connections of this node, also those from before", async () => {
    const { connections, store } = start('local');
    const before = (await connections.reserve('192.0.2.1')) as ConnectionSlot;
    store.isAway = true;
    expect(await connections.reserve('192.0.2.1')).toBeInstanceOf(ConnectionSlot);
    expect(await connections.reserve('192.0.2.1')).toBe('TOO_MANY_CONNECTIONS');
    before.release();
    expect(await connections.reserve('192.0.2.1')).toBeInstanceOf(ConnectionSlot);
  });

  it("'local' counts them in the store when it has answered for a second, and closes those over a limit", async () => {
    const { connections, store, clock } = start('local');
    store.isAway = true;
    const open = async (user: string) => {
      const slot = (await connections.reserve(`192.0.2.${opened.length}`)) as ConnectionSlot;
      expect(await connections.claimUser(slot, user)).toBe(true);
      const connection = Object.assign(new FakeConnection(clientAt('192.0.2.1', user)), { slot });
      connections.add(connection);
      opened.push(connection);
      return slot;
    };
    const opened: FakeConnection[] = [];
    await open('alice');
    await open('bob');
    (await open('carol')).release();
    const scan = async (milliseconds: number) => {
      clock.advance(milliseconds);
      connections['scan']();
      await settle();
    };
    expect(connections['uncounted'].size).toBe(3);
    await scan(0);
    expect(connections['uncounted'].size).toBe(2);
    store.isAway = false;
    // Another node has used up the limit of bob meanwhile.
    store.acquire([{ key: 'user:bob', limit: 9 }]);
    store.acquire([{ key: 'user:bob', limit: 9 }]);
    for (const milliseconds of [499, 1, 500, 499]) await scan(milliseconds);
    expect(store.count('all')).toBe(0);
    await scan(1);
    expect([store.count('all'), store.count('user:alice'), store.count('user:carol')]).toEqual([
      1, 1, 0,
    ]);
    expect(opened.map(({ ended }) => ended)).toEqual([[], ['RATE_LIMITED'], []]);
  });

  it("'local' begins to wait again if the store fails meanwhile", async () => {
    const { connections, store, clock } = start('local');
    store.isAway = true;
    await connections.reserve('192.0.2.1');
    const scan = async (isAway: boolean) => {
      store.isAway = isAway;
      clock.advance(500);
      connections['scan']();
      await settle();
    };
    for (const isAway of [false, false, true, false, false]) await scan(isAway);
    expect(store.count('all')).toBe(0);
    await scan(false);
    expect(store.count('all')).toBe(1);
    const count = jest.spyOn(store, 'count');
    await scan(false);
    expect(count).not.toHaveBeenCalled();
  });
});
