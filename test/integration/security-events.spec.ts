import { RawPeer } from '../helpers/raw-peer.js';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  AuthAttempts,
  ConnectionManager,
  type SecurityEvent,
  SecurityEvents,
  SessionRegistry,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { TestApp, type TestAppOptions, tokenFor } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';
import { eventually } from '../helpers/eventually.js';

async function start(setup: Partial<TestAppOptions> = {}) {
  const app = await TestApp.start({ gateways: [DemoGateway], ...setup });
  const seen: SecurityEvent[] = [];
  app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
  const kinds = () => seen.map(event => [event.kind, 'code' in event ? event.code : undefined]);
  return { app, seen, kinds };
}

const FROM = { address: '127.0.0.1', clientId: expect.any(String), time: expect.any(Number) };

describe('a connection', () => {
  it('reports its authentication and its rejections, with user and address', async () => {
    const { app, seen } = await start();
    const client = await app.login();
    client.emitUnsigned('demo.echo', {
      time: new Date().toISOString(),
      semanticnonce: 'n'.repeat(16),
    });
    await client.next();
    client.emit('demo.unknown');
    await client.next();
    const who = { ...FROM, userId: 'alice', path: '/events' };
    expect(seen).toEqual([
      { kind: 'authenticated', ...who },
      {
        kind: 'refused',
        code: 'INVALID_SIGNATURE',
        eventType: 'demo.echo',
        ...who,
        reason: 'semanticsignature is missing',
      },
      {
        kind: 'refused',
        code: 'UNKNOWN_EVENT',
        eventType: 'demo.unknown',
        ...who,
        reason: expect.stringContaining('no @SubscribeMessage'),
      },
    ]);
    expect(seen[0]).toMatchObject({
      clientId: (seen[1] as { clientId: string }).clientId,
    });
  });

  it.each([
    ['unauthenticated', { type: 'event', event: {} }, 'UNAUTHENTICATED'],
    ['binary', Buffer.from('x'), 'UNSUPPORTED_FRAME'],
    ['too large before authentication', 'x'.repeat(10_000), 'MESSAGE_TOO_LARGE'],
    ['too large', 'x'.repeat(70_000), 'MESSAGE_TOO_LARGE'],
  ])('that is %s reports why it was closed', async (_, frame, code) => {
    const { app, kinds } = await start();
    const client = await app.connect();
    client.socket.send(
      typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame),
    );
    await client.closed;
    expect(kinds()).toContainEqual(['closed', code]);
    expect(kinds().filter(([kind]) => kind === 'closed')).toHaveLength(1);
  });

  it('that is closed for abuse, idle, late or revoked reports that', async () => {
    const clock = new FakeClock();
    const { app, kinds } = await start({
      clock,
      options: { connection: { maxStrikes: 1 }, auth: { validateToken: id => ({ id }) } },
    });
    const abuser = await app.connect();
    await abuser.authenticate('mallory');
    for (let count = 0; count < 2; count++) abuser.socket.send('{');
    await abuser.closed;
    const revoked = await app.connect();
    await revoked.authenticate('bob');
    app.nest.get(ConnectionManager).disconnectUser('bob');
    await revoked.closed;
    const late = await app.connect();
    clock.advance(10_000);
    await late.closed;
    expect(kinds().filter(([kind]) => kind === 'closed')).toEqual([
      ['closed', 'RATE_LIMITED'],
      ['closed', 'REVOKED'],
      ['closed', 'AUTH_TIMEOUT'],
    ]);
  });

  it('that a subscriber closes after a rejection reports the close once', async () => {
    const { app, kinds } = await start();
    const connections = app.nest.get(ConnectionManager);
    app.nest.get(SecurityEvents).subscribe(({ kind }) => {
      if (kind === 'refused') for (const { id } of connections.list()) connections.disconnect(id);
    });
    const client = await app.login();
    client.socket.send(Buffer.from('x'));
    expect((await client.closed).reason).toBe('REVOKED');
    expect(kinds().filter(([kind]) => kind === 'closed')).toEqual([['closed', 'REVOKED']]);
  });

  it('whose client answers no ping reports that it is lost', async () => {
    const clock = new FakeClock();
    const { app, kinds } = await start({
      clock,
      options: { auth: { validateToken: id => ({ id }), timeout: 1_000_000 } },
    });
    const peer = await RawPeer.open(app.port);
    clock.advance(30_000);
    await peer.next();
    clock.advance(30_000);
    await peer.gone;
    await eventually(() => kinds().length > 0);
    expect(kinds()).toEqual([['lost', undefined]]);
  });
});

describe('security events', () => {
  it('report a rejected handshake, with its origin', async () => {
    const { app, seen } = await start();
    await TestClient.refusal(`ws://127.0.0.1:${app.port}/events?token=canary`, {
      origin: 'https://evil.example',
    });
    expect(seen).toEqual([
      {
        kind: 'handshakeRefused',
        code: 'ORIGIN_REJECTED',
        address: '127.0.0.1',
        path: '/events',
        origin: 'https://evil.example',
        reason: 'the origin is not among connection.origins: (none)',
        time: expect.any(Number),
      },
    ]);
  });

  it('report failed and rate-limited HTTP log-ins', async () => {
    const { app, seen } = await start({
      options: { auth: { validateToken: () => null, attempts: { burst: 1 } } },
    });
    const attempts = app.nest.get(AuthAttempts);
    const subject = { address: '203.0.113.7', user: 'al\nice' };
    await attempts.attempt(subject, () => false);
    expect(() => attempts.attempt(subject, () => true)).toThrow();
    expect(seen).toMatchObject([
      { kind: 'attemptFailed', address: '203.0.113.7', userTried: 'al\\u{a}ice' },
      { kind: 'attemptsExhausted', code: 'RATE_LIMITED', userTried: 'al\\u{a}ice' },
    ]);
  });
});

it('report a rejected token as an attempt and as a rejection, without the token', async () => {
  const { app, seen } = await start();
  const client = await app.connect();
  await client.authenticate(tokenFor('alice', { exp: 1 }));
  expect(seen.map(({ kind }) => kind)).toEqual(['attemptFailed', 'refused', 'closed']);
  expect(JSON.stringify(seen)).not.toContain('eyJ');
});

it('report the end of a session and each closed connection', async () => {
  const { app, seen } = await start();
  const client = await app.connect();
  await client.authenticate(tokenFor('alice', { sid: 'session-1' }));
  app.nest.get(SessionRegistry).end('session-1');
  expect(seen).toMatchObject([
    { kind: 'authenticated' },
    { kind: 'closed', code: 'REVOKED', userId: 'alice' },
    { kind: 'sessionEnded', connections: 1 },
  ]);
  expect(JSON.stringify(seen)).not.toContain('session-1');
});

it('report rejections on a stock adapter through the exception filter', async () => {
  const { app, seen } = await start({ adapter: WsAdapter });
  const client = await app.connect();
  client.sendJson({ event: 'demo.echo', data: {} });
  await client.next();
  expect(seen).toMatchObject([
    { kind: 'refused', code: 'UNAUTHENTICATED', eventType: 'demo.echo', address: '127.0.0.1' },
  ]);
});
