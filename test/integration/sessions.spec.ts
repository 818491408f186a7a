import { randomUUID } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import {
  ConnectionManager,
  ConnectionStore,
  EventMesh,
  SecurityEvents,
  SessionRegistry,
  TicketService,
  TokenAuthenticator,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { LateConnectionStore } from '../helpers/late-connection-store.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const start = (options = {}) => TestApp.start({ gateways: [DemoGateway], options });

async function enter(app: TestApp, token: string) {
  const client = await app.connect();
  expect((await client.authenticate(token)).type).toBe('auth_success');
  return client;
}

describe('ending a session', () => {
  it('closes its sockets with 4403, and no others', async () => {
    const app = await start();
    const [token, other] = [tokenFor('alice', { sid: 'one' }), tokenFor('alice', { sid: 'two' })];
    const theirs = [await enter(app, token), await enter(app, token)];
    const stays = await enter(app, other);

    expect(app.nest.get(SessionRegistry).end('one')).toBe(2);
    for (const client of theirs)
      expect(await client.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    stays.emit('demo.echo', 'here');
    expect((await stays.next()).event.data).toBe('here');
  });

  it.each([
    ['sid', { sid: 'one', jti: 'two' }],
    ['jti if there is no sid', { jti: 'one' }],
  ])('revokes its tokens; it is named by %s', async (_, claims) => {
    const app = await start();
    const sessions = app.nest.get(SessionRegistry);
    expect(sessions.end('one')).toBe(0);
    const client = await app.connect();
    expect((await client.authenticate(tokenFor('alice', claims))).code).toBe('AUTH_FAILED');
    expect((await client.closed).code).toBe(4401);
    await enter(app, tokenFor('alice', { sid: 'other' }));
  });

  it('revokes its tickets', async () => {
    const app = await start();
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice', sessionId: 'one' });
    app.nest.get(SessionRegistry).end('one');
    const client = await app.connect();
    expect((await client.authenticate(ticket)).code).toBe('AUTH_FAILED');
  });

  it('cannot be avoided by a renewal', async () => {
    const app = await start();
    const token = tokenFor('alice', { sid: 'one' });
    const client = await enter(app, tokenFor('alice', { sid: 'two' }));
    app.nest.get(SessionRegistry).end('one');
    expect((await client.authenticate(token)).code).toBe('AUTH_FAILED');
    expect((await client.closed).code).toBe(4401);
  });

  it('applies to a token that is still being validated', async () => {
    let answer: ((user: { id: string; sessionId: string }) => void) | undefined;
    const app = await start({
      auth: { validateToken: () => new Promise(resolve => (answer = resolve)) },
    });
    const client = await app.connect();
    client.sendJson({ type: 'auth', token: 'slow' });
    await eventually(() => answer !== undefined);
    app.nest.get(SessionRegistry).end('one');
    answer?.({ id: 'alice', sessionId: 'one' });
    expect((await client.next()).code).toBe('AUTH_FAILED');
  });

  it('is stored at least as long as a session may last', async () => {
    const clock = new FakeClock(Date.now());
    const app = await TestApp.start({
      gateways: [DemoGateway],
      clock,
      options: { auth: { jwt: { secret: JWT_SECRET }, maxSessionAge: 60_000 } },
    });
    const sessions = app.nest.get(SessionRegistry);
    sessions.end('one');
    sessions.end('long', clock.now() + 120_000);
    clock.advance(59_999);
    sessions.end(randomUUID());
    const hasEnded = (sessionId: string) => sessions.hasEnded({ id: 'alice', sessionId });
    expect(hasEnded('one')).toBe(true);
    clock.advance(1);
    sessions.end(randomUUID());
    expect(hasEnded('one')).toBe(false);
    expect(hasEnded('long')).toBe(true);
  });

  it('applies to TokenAuthenticator without a socket', async () => {
    const app = await start();
    const authenticator = app.nest.get(TokenAuthenticator);
    const handshake = { address: '192.0.2.1', url: '/', headers: {} };
    const token = tokenFor('alice', { sid: 'one' });
    expect(await authenticator.authenticate(token, handshake)).toMatchObject({
      user: { id: 'alice', sessionId: 'one' },
    });
    app.nest.get(SessionRegistry).end('one');
    expect(() => authenticator.authenticate(token, handshake)).toThrow(
      expect.objectContaining({ code: 'AUTH_FAILED' }),
    );
  });
});

describe('logging a user out', () => {
  /** A token of alice that was issued some seconds after now; without an issue time if that is undefined. */
  const issuedIn = (seconds: number | undefined, claims: object = {}) => {
    const now = Math.floor(Date.now() / 1000);
    if (seconds !== undefined) return tokenFor('alice', { iat: now + seconds, ...claims });
    const untimed = { secret: JWT_SECRET, noTimestamp: true };
    return new JwtService({}).sign({ sub: 'alice', exp: now + 3_600 }, untimed);
  };
  const answerTo = async (app: TestApp, token: string) => {
    const client = await app.connect();
    const answer = await client.authenticate(token);
    return answer.code ?? answer.type;
  };
  const logOut = (app: TestApp) => app.nest.get(SessionRegistry).endUser('alice');

  it('closes all sockets of the user with 4403, with a session or without, and no others', async () => {
    const app = await start();
    const theirs = [
      await enter(app, issuedIn(-5, { sid: 'one' })),
      await enter(app, issuedIn(-5)),
      await enter(app, issuedIn(undefined)),
    ];
    const bob = await enter(app, tokenFor('bob'));
    expect(logOut(app)).toBe(3);
    for (const client of theirs)
      expect(await client.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    bob.emit('demo.echo', 'here');
    expect((await bob.next()).event.data).toBe('here');
  });

  it('rejects tokens that were issued before, used or not, and accepts those that are issued later', async () => {
    const reasons: unknown[] = [];
    const app = await start();
    app.nest.get(SecurityEvents).subscribe(event => {
      if (event.kind === 'attemptFailed') reasons.push(event.reason);
    });
    expect(await answerTo(app, issuedIn(-60))).toBe('auth_success');
    logOut(app);
    expect(await answerTo(app, issuedIn(-60))).toBe('AUTH_FAILED');
    expect(await answerTo(app, issuedIn(-60, { sid: 'never used' }))).toBe('AUTH_FAILED');
    expect(await answerTo(app, issuedIn(undefined))).toBe('AUTH_FAILED');
    expect(reasons).toEqual([
      'the user was logged out after this token was issued',
      'the user was logged out after this token was issued',
      'the user was logged out, and the token has no issue time (iat, or issuedAt of the user)',
    ]);
    expect(await answerTo(app, issuedIn(2))).toBe('auth_success');
    expect(await answerTo(app, tokenFor('bob'))).toBe('auth_success');
  });

  it('revokes tickets that were issued before', async () => {
    const app = await start();
    const tickets = app.nest.get(TicketService);
    const { ticket } = tickets.issue({ id: 'alice' });
    logOut(app);
    expect(await answerTo(app, ticket)).toBe('AUTH_FAILED');
    await pause(2);
    expect(await answerTo(app, tickets.issue({ id: 'alice' }).ticket)).toBe('auth_success');
  });

  it('cannot be avoided by a renewal with an earlier token', async () => {
    const app = await start();
    logOut(app);
    const client = await enter(app, issuedIn(2));
    expect((await client.authenticate(issuedIn(-60))).code).toBe('AUTH_FAILED');
    expect((await client.closed).code).toBe(4401);
  });

  it('applies to a token that is still being validated', async () => {
    let answer: ((user: { id: string; issuedAt: number }) => void) | undefined;
    const app = await start({
      auth: { validateToken: () => new Promise(resolve => (answer = resolve)) },
    });
    const client = await app.connect();
    client.sendJson({ type: 'auth', token: 'slow' });
    await eventually(() => answer !== undefined);
    logOut(app);
    answer?.({ id: 'alice', issuedAt: Date.now() - 1_000 });
    expect((await client.next()).code).toBe('AUTH_FAILED');
  });

  it('applies to a client whose place is still being counted', async () => {
    const store = new LateConnectionStore();
    store.isLate = false;
    const app = await start({ providers: [{ provide: ConnectionStore, useValue: store }] });
    const client = await app.connect();
    store.isLate = true;
    client.sendJson({ type: 'auth', token: tokenFor('alice') });
    await eventually(() => store.delayedCalls === 1);
    logOut(app);
    store.answer();
    expect(await client.closed).toEqual({ code: 4403, reason: 'REVOKED' });
  });
});

describe('a session', () => {
  it('does not begin if the confirmation cannot be signed', async () => {
    const clock = new FakeClock(Date.now());
    const notAfter = new Date(clock.now() + 1_000);
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { signing: { keys: [{ ...RING_KEY, notAfter }] } },
      clock,
    });
    clock.advance(1_001);
    const client = await app.connect();
    expect((await client.authenticate(tokenFor('alice'))).code).toBe('UNAVAILABLE');
    expect(app.nest.get(ConnectionManager).list()[0]!.user).toBeUndefined();
    expect(await client.closed).toEqual({ code: 1013, reason: 'UNAVAILABLE' });
  });

  it('is not made longer by a clock that is set back', async () => {
    const clock = new FakeClock(Date.now());
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { auth: { validateToken: id => ({ id }), maxSessionAge: 60_000 } },
      clock,
    });
    const client = await enter(app, 'alice');
    clock.setWall(clock.now() - 3_600_000);
    clock.advance(60_000);
    expect((await client.closed).reason).toBe('SESSION_EXPIRED');
  });

  it.each([
    ['begins', async (app: TestApp) => app.connect()],
    ['extends', async (app: TestApp) => enter(app, 'alice')],
  ])('that the application %s ends at its expiry', async (_, connect) => {
    const clock = new FakeClock(Date.now());
    const auth = { validateToken: (id: string) => ({ id }), maxSessionAge: 60_000 };
    const app = await TestApp.start({ gateways: [DemoGateway], options: { auth }, clock });
    const client = await connect(app);
    const [known] = app.nest.get(ConnectionManager).list();
    known!.authenticateAs({ id: 'alice' }, clock.now() + 120_000);
    clock.advance(119_999);
    client.sendJson({ event: 'plain', data: 1 });
    expect((await client.take(2)).map(({ type, event }) => type ?? event)).toContain('plain');
    clock.advance(1);
    expect((await client.closed).reason).toBe('SESSION_EXPIRED');
  });

  it('without an end lasts as long as a date can represent', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: {
        auth: {
          validateToken: id => ({ id }),
          maxSessionAge: Number.MAX_SAFE_INTEGER,
        },
      },
    });
    const client = await app.connect();
    expect(await client.authenticate('alice')).toMatchObject({
      type: 'auth_success',
      expires_at: new Date(8.64e15).toISOString(),
    });
  });
});

describe('a deadline', () => {
  it('still applies while the application shuts down slowly', async () => {
    let drain: () => void = () => undefined;
    const drained = new Promise<void>(resolve => (drain = resolve));
    const draining = {
      provide: 'draining',
      useValue: { beforeApplicationShutdown: () => drained },
    };
    const app = await TestApp.start({
      gateways: [DemoGateway],
      providers: [draining],
      options: { auth: { jwt: { secret: JWT_SECRET }, timeout: 300 } },
    });
    const client = await app.connect();
    const closing = app.nest.close();
    expect((await client.next()).code).toBe('AUTH_TIMEOUT');
    drain();
    await closing;
  });
});

describe('a session about to expire', () => {
  it('sends auth_expiring once, not again for an equally short renewal, but again for a later expiry', async () => {
    const clock = new FakeClock(Date.now());
    const app = await TestApp.start({ gateways: [DemoGateway], clock });
    const inSeconds = (seconds: number) =>
      tokenFor('alice', { exp: Math.floor(clock.now() / 1000) + seconds });
    const short = inSeconds(20);
    const client = await enter(app, short);
    expect((await client.next()).type).toBe('auth_expiring');
    expect((await client.authenticate(short)).type).toBe('auth_success');
    // Deadlines are checked every 100 ms.
    await pause(350);
    expect(client.received).toEqual([]);

    expect((await client.authenticate(inSeconds(60))).type).toBe('auth_success');
    clock.advance(40_000);
    expect((await client.next()).type).toBe('auth_expiring');
  });
});

describe('renewal under load', () => {
  it.each(['jwt', 'a slow validator'])(
    'loses no event of 100 clients that renew while they send: %s',
    async by => {
      const later = async (token: string) => {
        await new Promise(resolve => setImmediate(resolve));
        return { id: token };
      };
      const isJwt = by === 'jwt';
      const app = await start({
        auth: isJwt ? { jwt: { secret: JWT_SECRET } } : { validateToken: later },
      });
      const tokenOf = (user: string) => (isJwt ? tokenFor(user) : user);
      const clients = await Promise.all(
        Array.from({ length: 100 }, async (_, number) => enter(app, tokenOf(`user-${number}`))),
      );
      const work = clients.map(async (client, number) => {
        for (let round = 0; round < 3; round++) {
          client.emit('demo.echo', `${round} before`);
          client.sendJson({ type: 'auth', token: tokenOf(`user-${number}`) });
          client.emit('demo.echo', `${round} after`);
          const answers = await client.take(3);
          expect(answers.map(({ type }) => type as string).sort()).toEqual([
            'auth_success',
            'event',
            'event',
          ]);
        }
      });
      await Promise.all(work);
    },
  );
});

describe('a call for a user or session', () => {
  it.each([undefined, null, '', NaN, 1.5, 2 ** 53, {}, 'x'.repeat(257), '\ud800'])(
    'is rejected for the id %p, which nobody has: it would have no effect',
    async id => {
      const app = await start();
      const [sessions, connections] = [
        app.nest.get(SessionRegistry),
        app.nest.get(ConnectionManager),
      ];
      const mesh = app.nest.get(EventMesh);
      const calls: Record<string, () => unknown> = {
        'SessionRegistry.end: sessionId': () => sessions.end(id as string),
        'SessionRegistry.endUser: userId': () => sessions.endUser(id as string),
        'ConnectionManager.disconnectUser: userId': () => connections.disconnectUser(id as string),
        'ConnectionManager.disconnectSession: sessionId': () =>
          connections.disconnectSession(id as string),
        'EventMesh.reauthorize: userId': () => mesh.reauthorize(id as string),
      };
      for (const [message, call] of Object.entries(calls))
        await expect((async () => call())()).rejects.toThrow(`${message} must be `);
    },
  );
});
