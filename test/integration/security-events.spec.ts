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
  it('is told to be authenticated, and what of it is refused, by whom and where', async () => {
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
      { kind: 'refused', code: 'INVALID_SIGNATURE', eventType: 'demo.echo', ...who },
      { kind: 'refused', code: 'UNKNOWN_EVENT', eventType: 'demo.unknown', ...who },
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
  ])('that is %s is told to be closed, and why', async (_, frame, code) => {
    const { app, kinds } = await start();
    const client = await app.connect();
    client.socket.send(
      typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame),
    );
    await client.closed;
    expect(kinds()).toContainEqual(['closed', code]);
    expect(kinds().filter(([kind]) => kind === 'closed')).toHaveLength(1);
  });

  it('that is closed for abuse, idle, late or revoked is told to be', async () => {
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

  it('that is closed by who was told of a refusal is told to be closed once', async () => {
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

  it('whose peer answers no ping is told to be lost', async () => {
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

describe('what never becomes a connection', () => {
  it('is told, with the origin it came from', async () => {
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
        time: expect.any(Number),
      },
    ]);
  });

  it('is told of log-ins over HTTP, too: failed, and too many', async () => {
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

it('a token that is refused is told as an attempt and as a refusal, without the token', async () => {
  const { app, seen } = await start();
  const client = await app.connect();
  await client.authenticate(tokenFor('alice', { exp: 1 }));
  expect(seen.map(({ kind }) => kind)).toEqual(['attemptFailed', 'refused', 'closed']);
  expect(JSON.stringify(seen)).not.toContain('eyJ');
});

it('the end of a session is told, and each connection that closes', async () => {
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

it('refusals on a stock adapter are told by the exception filter', async () => {
  const { app, seen } = await start({ adapter: WsAdapter });
  const client = await app.connect();
  client.sendJson({ event: 'demo.echo', data: {} });
  await client.next();
  expect(seen).toMatchObject([
    { kind: 'refused', code: 'UNAUTHENTICATED', eventType: 'demo.echo', address: '127.0.0.1' },
  ]);
});
