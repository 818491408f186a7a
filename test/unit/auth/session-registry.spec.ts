import { SessionRegistry } from '../../../lib/auth/index.js';
import { MAX_ENDED_SESSIONS } from '../../../lib/auth/session-registry.js';
import { type ConnectionManager, SingleNodeRevocationBus } from '../../../lib/connection/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
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

  it('knows what has ended, and nothing else', () => {
    sessions.end('one');
    expect(['one', 'two', '', 'constructor', undefined].map(id => sessions.hasEnded(id))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('never shortens what it remembers', () => {
    sessions.end('one', clock.now() + 2 * DAY);
    sessions.end('one');
    clock.advance(DAY + 1);
    sessions.end('other');
    expect(sessions.hasEnded('one')).toBe(true);
  });

  it.each([
    ['set forth, and back again', DAY, -DAY],
    ['set back after a day', 0, -DAY],
  ])('forgets nothing early by a clock that is %s', (_, forth, back) => {
    sessions.end('one');
    clock.setWall(clock.now() + forth);
    if (forth === 0) clock.advance(DAY - 1);
    sessions.end('other');
    clock.setWall(clock.now() + back);
    clock.advance(1);
    sessions.end('another');
    expect(sessions.hasEnded('one')).toBe(true);
  });

  it('refuses when it is full, never forgets, and closes connections all the same', () => {
    for (let id = 0; id < MAX_ENDED_SESSIONS; id++) sessions.end(`s${id}`);
    expect(refusalOf(() => sessions.end('one-more'))).toBe('UNAVAILABLE');
    expect(closed.at(-1)).toBe('one-more');
    expect(sessions.hasEnded('s0')).toBe(true);
    expect(refusalOf(() => sessions.end('s0'))).toBeUndefined();
    clock.advance(DAY);
    expect(refusalOf(() => sessions.end('one-more'))).toBeUndefined();
    expect(sessions.hasEnded('s0')).toBe(false);
  });

  it('finds room behind sessions that are remembered for long', () => {
    sessions.end('long', clock.now() + 10 * DAY);
    for (let id = 1; id < MAX_ENDED_SESSIONS; id++) sessions.end(`s${id}`);
    clock.advance(DAY);
    expect(refusalOf(() => sessions.end('new'))).toBeUndefined();
    expect(sessions.hasEnded('long')).toBe(true);
  });
});
