import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SessionRegistry } from '../../../lib/auth/index.js';
import { EndedSessions } from '../../../lib/auth/ended-sessions.js';
import {
  type ConnectionManager,
  type Revocation,
  type RevocationBus,
  SingleNodeRevocationBus,
} from '../../../lib/connection/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const DAY = 86_400_000;

describe('SessionRegistry', () => {
  let clock: FakeClock;
  let closed: string[];
  let sessions: SessionRegistry;

  beforeEach(() => {
    clock = new FakeClock();
    closed = [];
    const connections = {
      disconnectSession: (id: string) => closed.push(id),
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
    expect(['one', 'two', '', 'constructor', undefined].map(id => sessions.hasEnded(id))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('never shortens how long an ended session is stored', () => {
    sessions.end('one', clock.now() + 2 * DAY);
    sessions.end('one');
    clock.advance(DAY + 1);
    sessions.end('other');
    expect(sessions.hasEnded('one')).toBe(true);
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
    expect(sessions.hasEnded('one')).toBe(true);
  });

  it('still stores the log-out of one user after 150,000 of another', () => {
    for (let id = 0; id < 150_000; id++) sessions.end(`bob-${id}`);
    sessions.end('alice');
    expect(closed.at(-1)).toBe('alice');
    for (const id of ['bob-0', 'bob-149999', 'alice']) expect(sessions.hasEnded(id)).toBe(true);
  });

  it('looks sessions up on other nodes, and falls back to its own while they are unreachable', async () => {
    const bus = new SingleNodeRevocationBus();
    const lookup = jest.spyOn(bus, 'hasEnded').mockImplementation(async id => id === 'elsewhere');
    const connections = { disconnectSession: () => 0 } as unknown as ConnectionManager;
    const registry = new SessionRegistry(connections, resolvedOptions(), clock, bus);
    expect(await registry.isEnded('elsewhere')).toBe(true);
    expect(await registry.isEnded('open')).toBe(false);
    registry.end('here');
    expect(registry.isEnded('here')).toBe(true);
    expect(registry.isEnded(undefined)).toBe(false);
    expect(lookup.mock.calls).toEqual([['elsewhere'], ['open']]);
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    lookup.mockRejectedValue(new Error('down'));
    expect(await registry.isEnded('elsewhere')).toBe(false);
    lookup.mockRejectedValue(new RefusalError('UNAVAILABLE'));
    await expect(registry.isEnded('elsewhere')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a node that reaches the others', () => {
  const clock = new FakeClock();
  const client = (id: string, sessionId?: string) => ({
    id,
    user: sessionId === undefined ? undefined : { id: 'u', sessionId },
  });
  /** A registry, the callbacks that it gives the bus, and the ids of the connections that it closes. */
  const start = (hasEnded: (id: string) => Promise<boolean> | boolean) => {
    const disconnected: string[] = [];
    const connections = {
      disconnectSession: (id: string, code: string, until: number) =>
        disconnected.push(`${id} ${code} ${until - clock.now()}`),
      disconnect: (id: string) => disconnected.push(id),
      list: () => [
        client('anonymous'),
        { id: 'no session', user: { id: 'u' } },
        client('ended', 'gone'),
        client('open', 'here'),
      ],
    };
    let told: (revocation: Revocation) => void = () => undefined;
    let gap: () => void = () => undefined;
    const bus = {
      subscribe: (listener: typeof told) => (told = listener),
      onGap: (listener: typeof gap) => (gap = listener),
      hasEnded,
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
    const { registry, tell } = start(() => false);
    tell({ kind: 'session', id: 'gone', until: clock.now() + 1 } as Revocation);
    tell({ kind: 'session', id: 'over', until: clock.now() } as Revocation);
    tell({ kind: 'session', id: 'unlimited' } as Revocation);
    tell({ kind: 'user', id: 'user', until: clock.now() + 1 } as unknown as Revocation);
    expect(['gone', 'over', 'unlimited', 'user'].map(id => registry.hasEnded(id))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('closes the connections of sessions that were ended while it could not reach them', async () => {
    const { disconnected, gap } = start(async id => id === 'gone');
    gap();
    await new Promise(setImmediate);
    expect(disconnected).toEqual(['ended']);
  });

  it('closes no connection if the other nodes are unreachable', async () => {
    const { disconnected, gap } = start(() => Promise.reject(new RefusalError('UNAVAILABLE')));
    gap();
    await new Promise(setImmediate);
    expect(disconnected).toEqual([]);
  });

  it('closes the connections of a session that ends as revoked, for as long as tokens are valid', () => {
    const { registry, disconnected } = start(() => false);
    registry.end('one');
    registry.end('two', clock.now() + 2 * DAY);
    expect(disconnected).toEqual([`one REVOKED ${DAY}`, `two REVOKED ${2 * DAY}`]);
  });

  it('closes the connections of a session even if it cannot store its end, and throws UNAVAILABLE', () => {
    const { registry, disconnected } = start(() => false);
    jest.spyOn(EndedSessions.prototype, 'add').mockReturnValueOnce(false);
    expect(() => registry.end('one')).toThrow(
      expect.objectContaining({
        code: 'UNAVAILABLE',
        reason: 'the list of ended sessions is full (1,000,000)',
      }) as Error,
    );
    expect(disconnected).toHaveLength(1);
  });

  it('reports a session as ended that ended here during a lookup on other nodes', async () => {
    let answer: (hasEnded: boolean) => void = () => undefined;
    const { registry } = start(() => new Promise(resolve => (answer = resolve)));
    const ended = registry.isEnded('one');
    registry.end('one');
    answer(false);
    expect(await ended).toBe(true);
  });
});

describe('EndedSessions', () => {
  it('reports a session as ended until its tokens expire, whatever is added later', () => {
    const clock = new FakeClock();
    const ended = new EndedSessions(clock, 10);
    ended.add('one', clock.now() + 2);
    ended.add('one', clock.now() + 1);
    clock.advance(1);
    expect(ended.has('one')).toBe(true);
    clock.advance(1);
    expect(ended.has('one')).toBe(false);
    expect(ended.has('other')).toBe(false);
  });

  it('removes expired sessions while others are added', () => {
    const clock = new FakeClock();
    const ended = new EndedSessions(clock, 1_000);
    for (let id = 0; id < 100; id++) ended.add(`old-${id}`, clock.now() + 1);
    clock.advance(1);
    for (let id = 0; id < 100; id++) ended.add(`new-${id}`, clock.now() + 1);
    expect(ended.size).toBe(100);
  });

  it('never drops an entry early, refuses new ones when full, and reuses the space of expired ones', () => {
    const clock = new FakeClock();
    const ended = new EndedSessions(clock, 10);
    expect(ended.add('long', clock.now() + 10 * DAY)).toBe(true);
    for (let id = 1; id < 10; id++) expect(ended.add(`s${id}`, clock.now() + DAY)).toBe(true);
    expect(ended.add('one more', clock.now() + DAY)).toBe(false);
    expect(ended.add('s1', clock.now() + DAY)).toBe(true);
    for (const id of ['long', 's1', 's9']) expect(ended.has(id)).toBe(true);
    clock.advance(DAY);
    expect(ended.add('one more', clock.now() + DAY)).toBe(true);
    expect(ended.has('long')).toBe(true);
    expect(ended.has('s1')).toBe(false);
    expect(ended.size).toBeLessThanOrEqual(10);
  });
});
