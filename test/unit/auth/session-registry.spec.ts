import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SessionRegistry } from '../../../lib/auth/index.js';
import { LogOutTable } from '../../../lib/auth/log-out-table.js';
import {
  type ConnectionManager,
  type LogOut,
  type Revocation,
  type RevocationBus,
  SingleNodeRevocationBus,
} from '../../../lib/connection/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import type { SecurityEvents } from '../../../lib/monitoring/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const DAY = 86_400_000;
const AFTER = 'the user was logged out after this token was issued';
const NO_TIME =
  'the user was logged out, and the token has no issue time (iat, or issuedAt of the user)';

/** The user of a token with a session. */
const of = (sessionId?: string) => ({ id: 'u', sessionId });

describe('SessionRegistry', () => {
  let clock: FakeClock;
  let closed: string[];
  let sessions: SessionRegistry;

  beforeEach(() => {
    clock = new FakeClock();
    closed = [];
    const connections = {
      revoke: ({ id }: LogOut) => closed.push(id),
    } as unknown as ConnectionManager;
    sessions = new SessionRegistry(
      connections,
      resolvedOptions(),
      clock,
      new SingleNodeRevocationBus(),
    );
  });

  it('reports exactly the sessions that have ended', () => {
    sessions.end('one');
    const ids = ['one', 'two', '', 'constructor', 'u', undefined];
    expect(ids.filter(id => sessions.hasEnded(of(id)))).toEqual(['one']);
    expect(sessions.hasEnded({ id: 'one', sessionId: 'two' })).toBe(false);
  });

  it('accepts the id of a session in place of a user, to which log-outs of users do not apply', async () => {
    sessions.end('one');
    for (const user of ['two', 'undefined']) sessions.endUser(user);
    const ids = ['one', 'two', undefined];
    expect(ids.map(id => sessions.hasEnded(id))).toEqual([true, false, false]);
    expect(await Promise.all(ids.map(async id => sessions.isEnded(id)))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('does not log out another user whose id has the same unsalted digest, which a user could search for', () => {
    sessions.endUser('user-9688866');
    expect(sessions.hasEnded({ id: 'user-9688866' })).toBe(true);
    expect(sessions.hasEnded({ id: 'user-16259611' })).toBe(false);
  });

  it('rejects each token of a user that may have been issued before the log-out, and no other', () => {
    const at = clock.now();
    sessions.endUser('u');
    const problem = (issuedAt?: number, id: string | number = 'u') =>
      sessions.knownProblem({ id, sessionId: 's', issuedAt });
    expect([at - DAY, at - 1, at].map(time => problem(time))).toEqual([AFTER, AFTER, AFTER]);
    expect([undefined, NaN].map(time => problem(time))).toEqual([NO_TIME, AFTER]);
    expect([at + 1, at + DAY].map(time => problem(time))).toEqual([undefined, undefined]);
    expect([problem(at, 'v'), problem(undefined, 's')]).toEqual([undefined, undefined]);
    expect(sessions.hasEnded({ id: 'u', issuedAt: at })).toBe(true);
    expect(sessions.hasEnded({ id: 'u', issuedAt: at + 1 })).toBe(false);
  });

  it('counts the second of a log-out as before it for a token with whole seconds', () => {
    clock.setWall(1_000_900);
    sessions.endUser('u');
    expect(sessions.hasEnded({ id: 'u', issuedAt: 1_000 * 1_000 })).toBe(true);
    expect(sessions.hasEnded({ id: 'u', issuedAt: 1_001 * 1_000 })).toBe(false);
  });

  it.each([
    [7, '7'],
    ['7', 7],
  ])('names a user by the text of the id: %j is %j', (given, id) => {
    sessions.endUser(given);
    expect(closed).toEqual(['7']);
    expect(sessions.hasEnded({ id, issuedAt: clock.now() })).toBe(true);
  });

  it('never lowers the time of a log-out, and never shortens how long it is stored', () => {
    const at = clock.now();
    sessions.endUser('u', at + 3 * DAY);
    clock.setWall(at - 1_000);
    sessions.endUser('u');
    clock.setWall(at);
    expect(sessions.hasEnded({ id: 'u', issuedAt: at })).toBe(true);
    clock.advance(2 * DAY);
    sessions.endUser('other');
    expect(sessions.hasEnded({ id: 'u', issuedAt: at })).toBe(true);
    sessions.endUser('u');
    expect(sessions.hasEnded({ id: 'u', issuedAt: at + 2 * DAY })).toBe(true);
    clock.advance(DAY);
    expect(sessions.hasEnded({ id: 'u' })).toBe(false);
  });

  it('has an end for every log-out', () => {
    expect(() => sessions.endUser('u', NaN)).toThrow(
      'SessionRegistry: tokensExpireAt must be a time, not NaN',
    );
    expect(closed).toEqual([]);
    sessions.endUser('u', Infinity);
    clock.advance(1_000 * DAY);
    expect(sessions.hasEnded({ id: 'u' })).toBe(true);
  });

  it('prefers the reason of the session, which has ended for good', () => {
    sessions.endUser('u');
    sessions.end('one');
    const issuedAt = clock.now() + 1;
    expect(sessions.knownProblem({ ...of('one'), issuedAt })).toBe('the session was ended');
  });

  it('never shortens how long an ended session is stored', () => {
    sessions.end('one', clock.now() + 2 * DAY);
    sessions.end('one');
    clock.advance(DAY + 1);
    sessions.end('other');
    expect(sessions.hasEnded(of('one'))).toBe(true);
  });

  it.each([
    ['set forward and back again', DAY, -DAY],
    ['set back after a day', 0, -DAY],
  ])('does not drop an ended session early if the clock is %s', (_, forth, back) => {
    sessions.end('one');
    clock.setWall(clock.now() + forth);
    if (forth === 0) clock.advance(DAY - 1);
    sessions.end('other');
    clock.setWall(clock.now() + back);
    clock.advance(1);
    sessions.end('another');
    expect(sessions.hasEnded(of('one'))).toBe(true);
  });

  it('still stores the log-out of one user after 150,000 of another', () => {
    sessions.endUser('alice');
    for (let id = 0; id < 150_000; id++) sessions.end(`bob-${id}`);
    sessions.end('alice');
    expect(closed.at(-1)).toBe('alice');
    for (const id of ['bob-0', 'bob-149999', 'alice']) expect(sessions.hasEnded(of(id))).toBe(true);
    expect(sessions.hasEnded({ id: 'alice', issuedAt: clock.now() })).toBe(true);
  });

  it('looks sessions and users up on other nodes, and falls back to its own while they are unreachable', async () => {
    const bus = new SingleNodeRevocationBus();
    const lookup = jest
      .spyOn(bus, 'loggedOutAt')
      .mockImplementation(async (_, id) => (id === 'elsewhere' ? 1_000 : undefined));
    const connections = { revoke: () => 0 } as unknown as ConnectionManager;
    const registry = new SessionRegistry(connections, resolvedOptions(), clock, bus);
    expect(await registry.isEnded(of('elsewhere'))).toBe(true);
    expect(await registry.isEnded(of('open'))).toBe(false);
    expect(await registry.isEnded({ id: 'elsewhere' })).toBe(true);
    expect(await registry.problem({ id: 'elsewhere', issuedAt: 1_000 })).toBe(AFTER);
    expect(await registry.isEnded({ id: 'elsewhere', issuedAt: 1_001 })).toBe(false);
    expect(lookup.mock.calls.slice(0, 5)).toEqual([
      ['session', 'elsewhere'],
      ['user', 'u'],
      ['session', 'open'],
      ['user', 'u'],
      ['user', 'elsewhere'],
    ]);
    registry.end('here');
    registry.endUser(7);
    lookup.mockClear();
    expect(registry.isEnded(of('here'))).toBe(true);
    expect(registry.isEnded({ id: 7 })).toBe(true);
    expect(lookup).not.toHaveBeenCalled();
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    lookup.mockRejectedValue(new Error('down'));
    expect(await registry.isEnded(of('elsewhere'))).toBe(false);
    lookup.mockRejectedValue(new RefusalError('UNAVAILABLE'));
    await expect(registry.isEnded({ id: 'u' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a registry whose other nodes cannot be reached', () => {
  it('reports the outage until they answer again, whatever is asked of which they know nothing', async () => {
    const clock = new FakeClock();
    const bus = new SingleNodeRevocationBus();
    const lookup = jest.spyOn(bus, 'loggedOutAt').mockRejectedValue(new Error('down'));
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const reports: string[] = [];
    const registry = new SessionRegistry({} as ConnectionManager, resolvedOptions(), clock, bus, {
      storeDown: (store: string) => reports.push(`${store} down`),
      storeUp: (store: string) => reports.push(`${store} up`),
    } as unknown as SecurityEvents);
    await registry.isEnded({ id: 'alice' });
    expect(reports).toEqual(['log-outs down']);
    clock.advance(60_000);
    lookup.mockClear();
    expect([registry.isEnded(undefined), registry.isEnded({})]).toEqual([false, false]);
    expect(lookup).not.toHaveBeenCalled();
    expect(reports).toEqual(['log-outs down']);
    lookup.mockResolvedValue(undefined);
    await registry.isEnded('session');
    expect(lookup.mock.calls).toEqual([['session', 'session']]);
    expect(reports).toEqual(['log-outs down', 'log-outs up']);
  });
});

describe('a node that reaches the others', () => {
  const clock = new FakeClock();
  const client = (id: string, sessionId?: string) => ({
    id,
    user: sessionId === undefined ? undefined : { id: 'u', sessionId },
  });
  /** A registry, the callbacks that it gives the bus, and the ids of the connections that it closes. */
  const start = (loggedOutAt: RevocationBus['loggedOutAt'], extra: object[] = []) => {
    const disconnected: string[] = [];
    const connections = {
      revoke: ({ kind, id, code, at, until }: LogOut) =>
        disconnected.push(`${kind} ${id} ${code} ${at - clock.now()} ${until - clock.now()}`),
      disconnect: (id: string) => disconnected.push(id),
      list: () => [
        client('anonymous'),
        { id: 'no session', user: { id: 'u' } },
        client('ended', 'gone'),
        client('open', 'here'),
        ...extra,
      ],
    };
    let told: (revocation: Revocation) => void = () => undefined;
    let gap: () => void = () => undefined;
    const bus = {
      clockLead: 0,
      subscribe: (listener: typeof told) => (told = listener),
      onGap: (listener: typeof gap) => (gap = listener),
      loggedOutAt,
    };
    const registry = new SessionRegistry(
      connections as unknown as ConnectionManager,
      resolvedOptions(),
      clock,
      bus as unknown as RevocationBus,
    );
    return {
      registry,
      disconnected,
      tell: (given: Revocation) => {
        told(given);
      },
      gap: () => {
        gap();
      },
    };
  };

  it('receives sessions that ended on other nodes, as long as their tokens are valid', () => {
    const { registry, tell } = start(() => undefined);
    tell({ kind: 'session', id: 'gone', until: clock.now() + 1 } as Revocation);
    tell({ kind: 'session', id: 'over', until: clock.now() } as Revocation);
    tell({ kind: 'session', id: 'unlimited' } as Revocation);
    tell({ kind: 'client', id: 'client', until: clock.now() + 1 } as Revocation);
    const ids = ['gone', 'over', 'unlimited', 'client'];
    expect(ids.filter(id => registry.hasEnded(of(id)))).toEqual(['gone']);
  });

  it('receives log-outs of users, which reject tokens that were issued before, and no disconnects', () => {
    const { registry, tell } = start(() => undefined);
    const [code, at] = ['REVOKED' as const, clock.now()];
    tell({ kind: 'user', id: 'u', code, at });
    expect(registry.hasEnded({ id: 'u' })).toBe(false);
    tell({ kind: 'user', id: 'u', code, at, until: at + 1 });
    expect(registry.hasEnded({ id: 'u', issuedAt: at })).toBe(true);
    expect(registry.hasEnded({ id: 'u', issuedAt: at + 1 })).toBe(false);
  });

  it('closes the connections of sessions that were ended while it could not reach them', async () => {
    const at = clock.now();
    const { disconnected, gap } = start(
      async (_, id) => (id === 'gone' || id === 'out' ? at : undefined),
      [
        { id: 'old', user: { id: 'out', issuedAt: at } },
        { id: 'new', user: { id: 'out', issuedAt: at + 1 } },
      ],
    );
    gap();
    await new Promise(setImmediate);
    expect(disconnected.sort()).toEqual(['ended', 'old']);
  });

  it('checks at most 1000 connections at a time, and all of them', async () => {
    let [asking, most] = [0, 0];
    const lookUp = async () => {
      most = Math.max(most, ++asking);
      await new Promise(setImmediate);
      asking--;
      return 1;
    };
    const many = Array.from({ length: 2_500 }, (_, id) => ({ id, user: { id: `user-${id}` } }));
    const { disconnected, gap } = start(lookUp, many);
    gap();
    while (disconnected.length < many.length + 3) await new Promise(setImmediate);
    expect(most).toBeLessThanOrEqual(1_002);
  });

  it('closes no connection if the other nodes are unreachable', async () => {
    const { disconnected, gap } = start(() => Promise.reject(new RefusalError('UNAVAILABLE')));
    gap();
    await new Promise(setImmediate);
    expect(disconnected).toEqual([]);
  });

  it('closes the connections of a session that ends as revoked, for as long as tokens are valid', () => {
    const { registry, disconnected } = start(() => undefined);
    registry.end('one');
    registry.end('two', clock.now() + 2 * DAY);
    registry.endUser('alice');
    registry.endUser(7, clock.now() + 2 * DAY);
    expect(disconnected).toEqual([
      `session one REVOKED 0 ${DAY}`,
      `session two REVOKED 0 ${2 * DAY}`,
      `user alice REVOKED 0 ${DAY}`,
      `user 7 REVOKED 0 ${2 * DAY}`,
    ]);
  });

  it.each([
    ['a session', 'ended sessions', (registry: SessionRegistry) => registry.end('one')],
    ['a user', 'logged-out users', (registry: SessionRegistry) => registry.endUser('one')],
  ])('closes the connections of %s even if it cannot store the log-out', (_, list, logOut) => {
    const { registry, disconnected } = start(() => undefined);
    jest.spyOn(LogOutTable.prototype, 'add').mockReturnValueOnce(false);
    expect(() => logOut(registry)).toThrow(
      expect.objectContaining({
        code: 'UNAVAILABLE',
        reason: `the list of ${list} is full (1,000,000)`,
      }) as Error,
    );
    expect(disconnected).toHaveLength(1);
  });

  it('reports a session as ended that ended here during a lookup on other nodes', async () => {
    const answers: ((at: undefined) => void)[] = [];
    const { registry } = start(() => new Promise(resolve => answers.push(resolve)));
    const ended = registry.isEnded(of('one'));
    const loggedOut = registry.isEnded({ id: 'two', issuedAt: clock.now() });
    registry.end('one');
    registry.endUser('two');
    for (const answer of answers) answer(undefined);
    expect([await ended, await loggedOut]).toEqual([true, true]);
  });
});

describe('LogOutTable', () => {
  const ending = (id: string, until: number) => ({ kind: 'session' as const, id, at: 7, until });
  const leaving = (id: string, at: number, until: number) => ({
    kind: 'user' as const,
    id,
    at,
    until,
  });

  it('returns a log-out until its tokens expire, whatever is added later', () => {
    const clock = new FakeClock();
    const table = new LogOutTable(clock, 10);
    table.add(ending('one', clock.now() + 2));
    table.add(ending('one', clock.now() + 1));
    clock.advance(1);
    expect(table.find('one')).toBe(0);
    clock.advance(1);
    expect(table.find('one')).toBeUndefined();
    expect(table.find('other')).toBeUndefined();
  });

  it('returns the latest time at which a user was logged out', () => {
    const clock = new FakeClock();
    const table = new LogOutTable(clock, 10);
    for (const at of [5, 7, 6]) table.add(leaving('alice', at, clock.now() + 1));
    expect(table.find('alice')).toBe(7);
    clock.advance(1);
    expect(table.find('alice')).toBeUndefined();
    for (let id = 0; id < 10; id++) table.add(leaving(`bob-${id}`, 5, clock.now() + 1));
    expect(table.size).toBe(10);
    table.add(leaving('bob-0', 4, clock.now() + 2));
    clock.advance(1);
    table.add(leaving('alice', 3, clock.now() + 1));
    expect([table.find('alice'), table.find('bob-0')]).toEqual([3, 5]);
  });

  it('removes expired log-outs while others are added', () => {
    const clock = new FakeClock();
    const table = new LogOutTable(clock, 1_000);
    for (let id = 0; id < 100; id++) table.add(ending(`old-${id}`, clock.now() + 1));
    clock.advance(1);
    for (let id = 0; id < 100; id++) table.add(ending(`new-${id}`, clock.now() + 1));
    expect(table.size).toBe(100);
  });

  it('finds the space of one expired log-out among many others', () => {
    const clock = new FakeClock();
    const table = new LogOutTable(clock, 100);
    for (let id = 1; id < 100; id++) table.add(ending(`s${id}`, clock.now() + DAY));
    table.add(ending('short', clock.now() + 1));
    clock.advance(1);
    expect(table.add(ending('one more', clock.now() + DAY))).toBe(true);
    expect(table.add(ending('too many', clock.now() + DAY))).toBe(false);
  });

  it('never drops an entry early, refuses new ones when full, and reuses the space of expired ones', () => {
    const clock = new FakeClock();
    const table = new LogOutTable(clock, 10);
    expect(table.add(ending('long', clock.now() + 10 * DAY))).toBe(true);
    for (let id = 1; id < 10; id++)
      expect(table.add(ending(`s${id}`, clock.now() + DAY))).toBe(true);
    expect(table.add(ending('one more', clock.now() + DAY))).toBe(false);
    expect(table.add(ending('s1', clock.now() + DAY))).toBe(true);
    for (const id of ['long', 's1', 's9']) expect(table.find(id)).toBe(0);
    clock.advance(DAY);
    expect(table.add(ending('one more', clock.now() + DAY))).toBe(true);
    expect(table.find('long')).toBe(0);
    expect(table.find('s1')).toBeUndefined();
    expect(table.size).toBeLessThanOrEqual(10);
  });
});
