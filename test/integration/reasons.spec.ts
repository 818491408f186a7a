import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { type CanActivate, NotFoundException, type PipeTransform, UseGuards } from '@nestjs/common';
import { IsString } from 'class-validator';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  Authorize,
  ConnectionManager,
  EventData,
  RateLimit,
  Rejection,
  Roles,
  SecureGateway,
  type SecurityEvent,
  SecurityEvents,
  type SemanticEventsModuleOptions,
  SignedEvent,
} from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { eventually } from '../helpers/eventually.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { RawPeer, request } from '../helpers/raw-peer.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

class SoldOut extends WsException {}

class ThrowingGuard implements CanActivate {
  canActivate(): boolean {
    throw new WsException('come back tomorrow');
  }
}

class ThrowingPipe implements PipeTransform {
  transform({ name, age }: { name: string; age: number }): never {
    throw new WsException(`${name} of ${age} years is not known`);
  }
}

class Note {
  @IsString()
  text!: string;
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ReasonsGateway {
  @SubscribeMessage('echo')
  @SignedEvent()
  echo(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('zod')
  @SignedEvent()
  zod(
    @EventData(z.strictObject({ text: z.string(), at: z.object({ x: z.number() }) })) _: unknown,
  ) {
    return 'taken';
  }

  @SubscribeMessage('valibot')
  @SignedEvent()
  valibot(@EventData(v.object({ text: v.string() })) _: unknown) {
    return 'taken';
  }

  @SubscribeMessage('arktype')
  @SignedEvent()
  arktype(@EventData(type({ text: 'string' })) _: unknown) {
    return 'taken';
  }

  @SubscribeMessage('class')
  @SignedEvent()
  classes(@EventData() _: Note) {
    return 'taken';
  }

  @SubscribeMessage('session')
  @SignedEvent({ keys: 'session' })
  session() {
    return 'taken';
  }

  @SubscribeMessage('roles')
  @Roles('admin')
  roles() {
    return 'taken';
  }

  @SubscribeMessage('denied')
  @Authorize(() => false)
  denied() {
    return 'taken';
  }

  @SubscribeMessage('undecided')
  @Authorize(() => {
    throw new TypeError('secret');
  })
  undecided() {
    return 'taken';
  }

  @SubscribeMessage('limited')
  @RateLimit({ rate: 1, per: 60_000, burst: 1 })
  limited() {
    return 'taken';
  }

  @SubscribeMessage('throws')
  throws(@MessageBody() event: { data: string }) {
    if (event.data === 'http') throw new NotFoundException('order 17');
    if (event.data === 'ws') throw new WsException('out of stock');
    if (event.data === 'subclass') throw new SoldOut({ message: 'sold out', status: 409 });
    if (event.data === 'rejection') throw new Rejection('no more books');
    throw new Error('secret');
  }

  @SubscribeMessage('guarded')
  @UseGuards(ThrowingGuard)
  guarded() {
    return 'taken';
  }

  @SubscribeMessage('piped')
  piped(@EventData(new ThrowingPipe()) _: unknown) {
    return 'taken';
  }
}

let lines: LogLine[] = [];

const IO_PATH = '/events/?EIO=4';

/** The bytes that a client sends. */
type Act = (peer: RawPeer) => void;

async function start(
  options: Partial<SemanticEventsModuleOptions> = {},
  adapter?: typeof SemanticEventsIoAdapter,
) {
  const app = await TestApp.start({
    gateways: [ReasonsGateway],
    adapter,
    options: { audit: 'off', ...options },
  });
  // Nest's testing module has set its own logger in between.
  lines = captureLog();
  const seen: SecurityEvent[] = [];
  app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
  return { app, seen };
}

/** Returns the reasons logged at debug. */
const reasons = () =>
  lines
    .filter(({ level, context }) => level === 'debug' && context === 'Security')
    .flatMap(({ text }) => /reason="?(.*?)"?$/.exec(text)?.[1] ?? []);

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const ringKey = { key_id: RING_KEY.id, key: Buffer.from(RING_KEY.secret).toString('base64url') };

describe('the reason for a rejected event', () => {
  const cases: [string, string, RegExp, (client: TestClient) => Json][] = [
    [
      'an invalid member',
      'INVALID_EVENT',
      /data\.text/,
      c => c.event('zod', { text: 1, at: { x: 1 } }),
    ],
    ['a missing member', 'INVALID_EVENT', /data\.at\.x/, c => c.event('zod', { text: '', at: {} })],
    [
      'an unknown member',
      'INVALID_EVENT',
      /more|unrecognized/,
      c => c.event('zod', { text: '', at: { x: 1 }, more: 1 }),
    ],
    ['valibot', 'INVALID_EVENT', /data\.text/, c => c.event('valibot', { text: 1 })],
    ['arktype', 'INVALID_EVENT', /data\.text/, c => c.event('arktype', { text: 1 })],
    [
      'class-validator',
      'INVALID_EVENT',
      /data\.text \(isString\)/,
      c => c.event('class', { text: 1 }),
    ],
    [
      'no nonce',
      'INVALID_EVENT',
      /semanticnonce is missing/,
      c => c.event('echo', 1, { semanticnonce: undefined }),
    ],
    ['no time', 'INVALID_EVENT', /time is missing/, c => c.event('echo', 1, { time: undefined })],
    [
      'no source',
      'INVALID_EVENT',
      /source is missing/,
      c => c.event('echo', 1, { source: undefined }),
    ],
    [
      'specversion 0.3',
      'INVALID_EVENT',
      /specversion must be/,
      c => c.event('echo', 1, { specversion: '0.3' }),
    ],
    [
      'a bad name',
      'INVALID_EVENT',
      /attribute name .*my-ext/,
      c => c.event('echo', 1, { 'my-ext': 1 }),
    ],
    [
      'no signature',
      'INVALID_SIGNATURE',
      /semanticsignature is missing/,
      c => ({ ...c.event('echo', 1), semanticsignature: undefined }),
    ],
    [
      'hex',
      'INVALID_SIGNATURE',
      /64 hexadecimal digits/,
      c => ({ ...c.event('echo', 1), semanticsignature: 'a'.repeat(64) }),
    ],
    [
      'an unknown key id',
      'INVALID_SIGNATURE',
      /key id .*other.* is unknown/,
      c => c.sign(c.event('echo', 1), { ...ringKey, key_id: 'other' }),
    ],
    [
      "another connection's key",
      'INVALID_SIGNATURE',
      /session key of another connection/,
      c => c.sign(c.event('echo', 1), { ...ringKey, key_id: 's-other' }),
    ],
    [
      'a ring key',
      'INVALID_SIGNATURE',
      /the session key only/,
      c => c.sign(c.event('session', 1), ringKey),
    ],
    [
      'a changed event',
      'INVALID_SIGNATURE',
      /MAC differs \(canonical text: \d+ bytes, sha256 [0-9a-f]{16}…\)/,
      c => ({ ...c.event('echo', 1), data: 2 }),
    ],
    [
      'a time in the past',
      'EVENT_EXPIRED',
      /time is 600 s old \(signing.maxAge is 300 s\)/,
      c => c.event('echo', 1, { time: ago(600) }),
    ],
    [
      'a time in the future',
      'EVENT_EXPIRED',
      /time is (299|300) s ahead/,
      c => c.event('echo', 1, { time: ago(-300) }),
    ],
    ['a role', 'FORBIDDEN', /@Roles\(admin\) said no/, c => c.event('roles', 1)],
    ['a check', 'FORBIDDEN', /@Authorize said no/, c => c.event('denied', 1)],
    [
      'a check that throws',
      'UNAVAILABLE',
      /@Authorize: TypeError was thrown/,
      c => c.event('undecided', 1),
    ],
    [
      'an HTTP exception',
      'REJECTED',
      /^NotFoundException was thrown$/,
      c => c.event('throws', 'http'),
    ],
    ['a WsException', 'REJECTED', /^WsException was thrown$/, c => c.event('throws', 'ws')],
    [
      'a subclass of WsException',
      'REJECTED',
      /^SoldOut was thrown$/,
      c => c.event('throws', 'subclass'),
    ],
    ['a Rejection', 'REJECTED', /^Rejection was thrown$/, c => c.event('throws', 'rejection')],
    ['a WsException of a guard', 'REJECTED', /^WsException was thrown$/, c => c.event('guarded')],
    [
      'a WsException of a pipe, whose message has data',
      'REJECTED',
      /^WsException was thrown$/,
      c => c.event('piped', { name: 'Canary', age: 37 }),
    ],
    ['an error', 'INTERNAL', /Error was thrown/, c => c.event('throws', 'x')],
  ];

  it.each(cases)('%s is %s, and the log has the reason', async (_, code, reason, make) => {
    const { app, seen } = await start();
    const client = await app.login();
    client.sendJson({ type: 'event', event: make(client) });
    const answer = await client.next();
    expect(answer.code).toBe(code);
    expect(answer.code === 'REJECTED' ? undefined : answer.reason).toBeUndefined();
    expect(reasons().at(-1)).toMatch(reason);
    const refused = seen.find(({ kind }) => kind === 'refused');
    expect(refused).toHaveProperty('reason', expect.stringMatching(reason));
    const securityLines = lines.filter(({ context }) => context === 'Security');
    expect(JSON.stringify([securityLines, seen, answer])).not.toContain('secret');
    expect(JSON.stringify([securityLines, seen])).not.toContain('Canary');
  });

  it('names the limit', async () => {
    const { app } = await start();
    const client = await app.login();
    for (const answer of ['event', 'error', 'error']) {
      client.emit('limited');
      expect((await client.next()).type).toBe(answer);
    }
    expect(reasons()).toEqual([
      expect.stringContaining('@RateLimit'),
      expect.stringContaining('limit of the handler'),
    ]);
  });

  it('names the pattern of a subscription', async () => {
    const { app } = await start({ mesh: { allow: ['ui.*'] } });
    const client = await app.login();
    client.sendJson({ type: 'subscribe', patterns: ['other.*'] });
    expect((await client.next()).code).toBe('FORBIDDEN');
    expect(reasons()).toEqual([expect.stringContaining('other.*')]);
  });
});

describe('the reason for a rejected token', () => {
  it.each<[string, RegExp, SemanticEventsModuleOptions['auth'], string]>([
    [
      'no exp',
      /no exp claim/,
      { jwt: { secret: JWT_SECRET } },
      tokenFor('alice', { exp: undefined }),
    ],
    ['garbage', /not a JSON Web Token/, { jwt: { secret: JWT_SECRET } }, 'garbage'],
    [
      'a user of Passport',
      /has userId: map it by toUser/,
      { validateToken: () => ({ userId: 7 }) as never },
      't',
    ],
    ['no user', /no user: null/, { validateToken: () => null }, 't'],
  ])('with %s is in the log', async (_, reason, auth, token) => {
    const { app } = await start({ auth });
    expect((await (await app.connect()).authenticate(token)).code).toBe('AUTH_FAILED');
    expect(reasons()[0]).toMatch(reason);
  });
});

describe('the reason for a closed connection', () => {
  const tooManyOffences: Act = peer => {
    for (let bad = 0; bad < 5; bad++) peer.send('no JSON');
  };
  const cases: [string, string, RegExp, Act, Partial<SemanticEventsModuleOptions>?][] = [
    [
      'a reserved bit',
      'BAD_FRAME',
      /^Invalid WebSocket frame: RSV1 must be clear$/,
      peer => {
        peer.send('x', { rsv: 4 });
      },
    ],
    [
      'a frame without a mask',
      'BAD_FRAME',
      /^Invalid WebSocket frame: MASK must be set$/,
      peer => {
        peer.send('x', { masked: false });
      },
    ],
    [
      'text that is not UTF-8',
      'BAD_FRAME',
      /^Invalid WebSocket frame: invalid UTF-8 sequence$/,
      peer => {
        peer.send(Buffer.from([0xff, 0xfe]));
      },
    ],
    [
      'too large a message',
      'MESSAGE_TOO_LARGE',
      /maxMessageSize/,
      peer => {
        peer.send('x'.repeat(70_000));
      },
      { connection: { maxUnauthenticatedMessageSize: 100_000 } },
    ],
    [
      'too large a message before authentication',
      'MESSAGE_TOO_LARGE',
      /connection\.maxUnauthenticatedMessageSize \(8192 bytes\)/,
      peer => {
        peer.send('x'.repeat(10_000));
      },
    ],
    [
      'a binary message',
      'UNSUPPORTED_FRAME',
      /binary/,
      peer => {
        peer.send('{}', { opcode: 2 });
      },
    ],
    [
      'an event before authentication',
      'UNAUTHENTICATED',
      /not authenticated/,
      peer => {
        peer.send({ event: 'roles' });
      },
    ],
    [
      'too many offences',
      'RATE_LIMITED',
      /connection\.maxStrikes offences, the last one BAD_FRAME: the frame is not JSON/,
      tooManyOffences,
      { connection: { maxStrikes: 2 } },
    ],
  ];

  it.each(cases)('by %s is in the log: %s', async (_, code, reason, act, options = {}) => {
    const { app, seen } = await start(options);
    const peer = await RawPeer.open(app.port);
    act(peer);
    await eventually(() => seen.some(({ kind }) => kind === 'closed'));
    expect(seen.find(({ kind }) => kind === 'closed')).toMatchObject({
      code,
      reason: expect.stringMatching(reason) as string,
    });
    expect(reasons().at(-1)).toMatch(reason);
  });

  it.each<[string, (app: TestApp) => unknown, RegExp]>([
    ['REVOKED', app => app.nest.get(ConnectionManager).disconnectUser('alice'), /disconnected/],
    ['SERVER_SHUTDOWN', app => app.nest.close(), /shutting down/],
  ])('with %s names who ended it', async (code, act, reason) => {
    const { app, seen } = await start();
    await app.login();
    void act(app);
    await eventually(() => seen.some(({ kind }) => kind === 'closed'));
    expect(seen.find(({ kind }) => kind === 'closed')).toMatchObject({
      code,
      reason: expect.stringMatching(reason) as string,
    });
  });
});

describe('the reason for a rejected handshake', () => {
  it.each<[string, string, number, RegExp]>([
    ['no key', request('/events', { 'Sec-WebSocket-Key': undefined }), 400, /Sec-WebSocket-Key/],
    ['a bad key', request('/events', { 'Sec-WebSocket-Key': 'short' }), 400, /Sec-WebSocket-Key/],
    ['a version', request('/events', { 'Sec-WebSocket-Version': '7' }), 400, /-Version header/],
    ['another protocol', request('/events', { Upgrade: 'h2c' }), 400, /Invalid Upgrade header/],
    [
      'sub-protocols',
      request('/events', { 'Sec-WebSocket-Protocol': ',' }),
      400,
      /-Protocol header/,
    ],
    ['the method', request('/events', {}, 'POST'), 405, /Invalid HTTP method/],
  ])('by RFC 6455 names what is wrong: %s', async (_, text, status, reason) => {
    const { app, seen } = await start();
    const peer = await RawPeer.connect(app.port);
    peer.write(text);
    const answer = await peer.answer();
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'BAD_HANDSHAKE' });
    expect(seen).toEqual([
      expect.objectContaining({
        kind: 'handshakeRefused',
        code: 'BAD_HANDSHAKE',
        path: '/events',
        reason: expect.stringMatching(reason) as string,
      }),
    ]);
    expect(reasons()[0]).toMatch(reason);
  });

  it.each<[string, string, number, RegExp]>([
    [
      'the key',
      request(`${IO_PATH}&transport=websocket`, { 'Sec-WebSocket-Key': 'x' }),
      400,
      /-Key/,
    ],
    ['the transport', request(`${IO_PATH}&transport=x`), 400, /^Engine\.IO: Transport unknown$/],
    ['the session', request(`${IO_PATH}&transport=websocket&sid=x`), 400, /Session ID unknown/],
    ['the method', request(`${IO_PATH}&transport=websocket`, {}, 'POST'), 400, /handshake method/],
    [
      'a part of a path',
      request('/events/more/?EIO=4&transport=websocket'),
      404,
      /gateways are at/,
    ],
  ])('of Socket.IO names what is wrong: %s', async (_, text, status, reason) => {
    const { app, seen } = await start({}, SemanticEventsIoAdapter);
    const peer = await RawPeer.connect(app.port);
    peer.write(text);
    expect((await peer.answer()).status).toBe(status);
    expect(seen).toEqual([
      expect.objectContaining({
        kind: 'handshakeRefused',
        code: status === 404 ? 'UNKNOWN_PATH' : 'BAD_HANDSHAKE',
        reason: expect.stringMatching(reason) as string,
      }),
    ]);
  });

  it('that comes too fast names the limit, also at an unknown path', async () => {
    const { app, seen } = await start({ connection: { connectBurst: 1, connectRate: 0.001 } });
    await app.connect();
    for (const path of ['/events', '/wrong'])
      await expect(app.connect(path)).rejects.toThrow('429');
    expect(seen.map(event => [event.kind, Reflect.get(event, 'reason')])).toEqual(
      Array.from({ length: 2 }, () => [
        'handshakeRefused',
        expect.stringContaining('connection.connectRate'),
      ]),
    );
  });

  it.each(['/wrong', '/events/', '/events/more'])(
    'at %s names the paths of the gateways',
    async path => {
      const { app } = await start();
      await expect(app.connect(path)).rejects.toThrow('404');
      await eventually(() => reasons().length > 0);
      expect(reasons()[0]).toMatch(/no gateway is at this path; gateways are at \/events/);
      expect(lines.some(({ level, text }) => level === 'warn' && text.includes(path))).toBe(true);
    },
  );

  it('from an unknown origin names the allowed ones', async () => {
    const { app } = await start({ connection: { origins: ['https://myapp.com'] } });
    await expect(
      app.connect('/events', { headers: { origin: 'https://evil.example' } }),
    ).rejects.toThrow('403');
    await eventually(() => reasons().length > 0);
    expect(reasons()[0]).toMatch(/not among connection.origins: https:\/\/myapp.com/);
  });
});
