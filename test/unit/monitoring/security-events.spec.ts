import { filter, map, merge, throwError } from 'rxjs';
import { type SecurityEvent, SecurityEvents } from '../../../lib/monitoring/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const clock = new FakeClock();
const client = { id: 'c-1', address: '203.0.113.7', user: { id: 'alice' } };
let security: SecurityEvents;
let seen: SecurityEvent[];
let log: LogLine[];

beforeEach(() => {
  security = new SecurityEvents(resolvedOptions(), clock);
  seen = [];
  log = captureLog();
});

const listen = () => security.subscribe(event => seen.push(event));
const refuse = (eventType?: string) => {
  security.refused(client, 'INVALID_SIGNATURE', { path: '/events', eventType });
};

describe('security events', () => {
  it('carry user, address, event, code and time', () => {
    listen();
    refuse('ui.click');
    expect(seen).toEqual([
      {
        kind: 'refused',
        code: 'INVALID_SIGNATURE',
        time: clock.now(),
        address: '203.0.113.7',
        clientId: 'c-1',
        userId: 'alice',
        path: '/events',
        eventType: 'ui.click',
      },
    ]);
  });

  it('escape and truncate all text of clients', () => {
    listen();
    const nasty = `\n\u202e${'x'.repeat(1000)}`;
    refuse(nasty);
    security.handshakeRefused('203.0.113.7', 'ORIGIN_REJECTED', '/events', nasty);
    security.attemptFailed({ address: '203.0.113.7', user: nasty });
    security.attemptsExhausted({ address: nasty, user: nasty });
    security.closed({ ...client, user: { id: nasty } }, 'REVOKED');
    expect(seen).toHaveLength(5);
    for (const event of seen)
      for (const value of Object.values(event))
        expect(String(value)).toMatch(/^[\x20-\x7e…]{1,65}$/);
  });

  it('are immutable', () => {
    listen();
    refuse();
    expect(() => Object.assign(seen[0]!, { code: 'x' })).toThrow(TypeError);
  });

  it('are not created without a subscriber', () => {
    const watched = {
      id: 'c-1',
      get address(): string {
        throw new Error('was looked at');
      },
    };
    security.refused(watched, 'RATE_LIMITED');
    security.closed(watched, 'RATE_LIMITED');
    security.lost(watched);
    security.authenticated(watched);
    const subscription = listen();
    subscription.unsubscribe();
    security.refused(watched, 'RATE_LIMITED');
  });
});

describe('a subscriber that fails', () => {
  const failure = new Error('of the subscriber');
  const fail = () => {
    throw failure;
  };

  it.each<[string, () => unknown]>([
    ['throws', () => security.subscribe(fail)],
    [
      'rejects',
      () => security.events.subscribe(() => Promise.reject(failure) as unknown as undefined),
    ],
    ['throws as an observer', () => security.events.subscribe({ next: fail })],
    ['throws in an operator', () => security.events.pipe(map(fail)).subscribe()],
    ['throws behind operators', () => security.events.pipe(filter(() => true)).subscribe(fail)],
    [
      'throws while it is told of an error',
      () => security.events.pipe(map(fail)).subscribe({ error: fail }),
    ],
  ])('because it %s is logged once, and does not affect others', async (_, subscribe) => {
    subscribe();
    listen();
    for (let count = 0; count < 3; count++) refuse();
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(seen).toHaveLength(3);
    expect(log.map(({ level }) => level)).toEqual(['error', 'debug']);
    expect(log[1]!.text).toContain(failure.message);
  });

  it('receives errors of its operators if it has an error handler', () => {
    const errors: unknown[] = [];
    merge(
      security.events.pipe(map(fail)),
      throwError(() => 'other'),
    ).subscribe({
      error: error => errors.push(error),
    });
    expect(errors).toEqual(['other']);
    expect(log).toEqual([]);
  });
});
