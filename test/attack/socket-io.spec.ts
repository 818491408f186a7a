import { createHash } from 'node:crypto';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { jest } from '@jest/globals';
import { Subject } from 'rxjs';
import type { Socket } from 'socket.io';
import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import {
  ConnectionManager,
  ConnectionStore,
  EventData,
  Public,
  SecureGateway,
  type SecurityEvent,
  SecurityEvents,
  SignedEvent,
  TicketService,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { ClosedGateway, OpenGateway, RoomGateway } from '../helpers/io.gateways.js';
import { CLOSE, CONTINUATION, frame, PING, PONG, RawPeer } from '../helpers/raw-peer.js';
import { RING_KEY, type TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const PATH = '/events/?EIO=4&transport=websocket';

const start = async (connection = {}, more = {}) => {
  const app = await startIo({ gateways: [DemoGateway], options: { connection }, ...more });
  const seen: SecurityEvent[] = [];
  app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
  return {
    app,
    seen,
    get demo() {
      return app.nest.get(DemoGateway);
    },
    store: app.nest.get<InMemoryConnectionStore>(ConnectionStore),
    connections: app.nest.get(ConnectionManager),
  };
};

const handshake = async (app: TestApp, headers: Record<string, string> = {}) =>
  (await RawPeer.connect(app.port)).handshake(PATH, headers);

/** Sends a request like a polling client. */
const poll = async (app: TestApp, path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`http://127.0.0.1:${app.port}${path}`, { headers });
  const text = await response.text();
  return {
    status: response.status,
    body: text.startsWith('{') ? (JSON.parse(text) as Json) : text,
  };
};

/** Connects an Engine.IO client that sends the given Socket.IO packets. */
const openRaw = async (app: TestApp, ...packets: string[]) => {
  const peer = await RawPeer.open(app.port, PATH);
  for (const packet of packets) peer.send(packet);
  return peer;
};

/** Returns what a raw client receives until it is closed. */
const lastOf = async (peer: RawPeer): Promise<string> => {
  let text = '';
  for (;;) {
    const next = await peer.next();
    if (!next || next.opcode === CLOSE) return text;
    text += next.payload.toString();
  }
};

const producer = async (app: TestApp, user = 'alice') => {
  const client = await IoClient.login(app, user);
  const key = Buffer.from(RING_KEY.secret).toString('base64url');
  client.signing = { key_id: RING_KEY.id, key };
  return client;
};

describe('the handshake of Socket.IO', () => {
  it.each([
    'null',
    'https://good.test.evil.test',
    'https://evil-good.test',
    'http://good.test',
    'https://good.test:444',
    'https://good@evil.test',
    'https://good.test.',
  ])('is rejected for the origin %s, with 403 and a JSON body', async origin => {
    const { app, seen } = await start({ origins: ['https://good.test'] });
    const { status, head, body } = await handshake(app, { Origin: origin });
    expect(status).toBe(403);
    expect(head.toLowerCase()).toContain('content-type: application/json');
    expect(JSON.parse(body)).toEqual({
      code: 'ORIGIN_REJECTED',
      message: 'This origin is not allowed',
    });
    expect(seen).toMatchObject([
      { kind: 'handshakeRefused', code: 'ORIGIN_REJECTED', path: '/events' },
    ]);
    expect((await handshake(app, { Origin: 'https://good.test' })).status).toBe(101);
  });

  it('without TLS is rejected with 426 if TLS is required', async () => {
    const { app } = await start({ requireTls: true, trustProxy: 'loopback' });
    const { status, head } = await handshake(app);
    expect(status).toBe(426);
    expect(head).toContain('Upgrade: TLS/1.2');
    expect((await handshake(app, { 'X-Forwarded-Proto': 'https' })).status).toBe(101);
  });

  it('that is too frequent is rejected with 429 and the retry delay', async () => {
    const { app } = await start({ connectRate: 0.01, connectBurst: 2 });
    for (let attempt = 0; attempt < 2; attempt++) expect((await handshake(app)).status).toBe(101);
    const { status, head, body } = await handshake(app);
    expect([status, JSON.parse(body).code]).toEqual([429, 'TOO_MANY_CONNECTIONS']);
    expect(Number(/retry-after: (\d+)/i.exec(head)?.[1])).toBeGreaterThan(50);
  });

  it('of 500 at once on a limit of 100 opens exactly 100, and as many again after resets', async () => {
    const { app, store, connections } = await start({ maxConnectionsPerAddress: 100 });
    for (let round = 0; round < 2; round++) {
      const peers = await Promise.all(Array.from({ length: 500 }, () => RawPeer.connect(app.port)));
      const answers = await Promise.all(
        peers.map(async peer => (await peer.handshake(PATH)).status),
      );
      expect(answers.filter(status => status === 101)).toHaveLength(100);
      expect(answers.filter(status => status === 429)).toHaveLength(400);
      await eventually(() => connections.count === 100);
      for (const peer of peers) peer.reset();
      await eventually(() => store.size === 0 && connections.count === 0);
    }
  });

  it('ignores a forwarded address of an untrusted proxy', async () => {
    const { app, connections } = await start({ maxConnectionsPerAddress: 1 });
    expect((await handshake(app, { 'X-Forwarded-For': '203.0.113.1' })).status).toBe(101);
    expect((await handshake(app, { 'X-Forwarded-For': '203.0.113.2' })).status).toBe(429);
    await eventually(() => connections.count === 1);
    expect(connections.list()[0]!.address).toBe('127.0.0.1');
  });

  it('counts by the address a trusted proxy saw', async () => {
    const { app, connections } = await start({
      maxConnectionsPerAddress: 1,
      trustProxy: 'loopback',
    });
    expect((await handshake(app, { 'X-Forwarded-For': '1.1.1.1, 203.0.113.1' })).status).toBe(101);
    expect((await handshake(app, { 'X-Forwarded-For': '2.2.2.2, 203.0.113.1' })).status).toBe(429);
    await eventually(() => connections.count === 1);
    expect(connections.list()[0]!.address).toBe('203.0.113.1');
  });

  it('gives no slot to an earlier protocol, another transport or a second WebSocket', async () => {
    const { app, store, connections } = await start();
    const old = await RawPeer.connect(app.port);
    await old.handshake('/events/?EIO=3&transport=websocket');
    await old.gone;
    expect((await poll(app, '/events/?EIO=4&transport=polling')).status).toBe(400);
    await eventually(() => store.size === 0);

    const peer = await openRaw(app);
    const { sid } = JSON.parse((await peer.next())!.payload.toString().slice(1)) as Json;
    const second = await RawPeer.connect(app.port);
    expect((await second.handshake(`${PATH}&sid=${sid}`)).status).toBe(400);
    expect(connections.count).toBe(1);
  });

  it('gives no slot to a second WebSocket of a session, even with polling enabled', async () => {
    @WebSocketGateway({ path: '/events', transports: ['polling', 'websocket'] })
    @Public()
    class Either {
      @SubscribeMessage('x')
      x() {
        return 1;
      }
    }
    const { app, store, connections } = await start({}, { gateways: [Either] });
    const peer = await openRaw(app);
    const { sid } = JSON.parse((await peer.next())!.payload.toString().slice(1)) as Json;
    // A session that moved over would stay uncounted when the first connection ends.
    const second = await RawPeer.connect(app.port);
    expect((await second.handshake(`${PATH}&sid=${sid}`)).status).toBe(400);
    peer.reset();
    await eventually(() => connections.count === 0);
    expect(store.size).toBe(0);
  });

  it('by polling is rejected with the same status and body', async () => {
    @WebSocketGateway({ path: '/events', transports: ['polling'] })
    class Polled {
      @SubscribeMessage('x')
      x() {
        return 1;
      }
    }
    const { app, store } = await start({ maxConnectionsPerAddress: 1 }, { gateways: [Polled] });
    const polling = '/events/?EIO=4&transport=polling';
    expect((await poll(app, polling, { Origin: 'https://evil.test' })).body).toMatchObject({
      code: 'ORIGIN_REJECTED',
    });
    expect((await poll(app, polling)).status).toBe(200);
    expect(await poll(app, polling)).toMatchObject({
      status: 429,
      body: { code: 'TOO_MANY_CONNECTIONS' },
    });
    await app.nest.close();
    expect(store.size).toBe(0);
  });
});

describe('an unauthenticated client of Socket.IO', () => {
  it.each([
    ['before it enters a namespace', ['42/closed,["whoami"]']],
    ['in a namespace that rejects it', ['40/closed,', '42/closed,["whoami"]']],
    ['through a public namespace', ['40/open,', '42/closed,["whoami"]']],
    ['with a token that is not a string', ['40/closed,{"token":1}', '42/closed,["whoami"]']],
    ['with a forged token', ['40/closed,{"token":"e30.e30.x"}', '42/closed,["whoami"]']],
  ])('reaches no handler %s, and is closed', async (_, packets) => {
    const { app, connections } = await start({}, { gateways: [ClosedGateway, OpenGateway] });
    const peer = await openRaw(app, ...packets);
    await lastOf(peer);
    await eventually(() => connections.count === 0);
    expect(app.nest.get(ClosedGateway).seen).toEqual([]);
  });

  it('reaches public handlers only, and is closed for anything else', async () => {
    const { app, demo } = await start();
    const client = IoClient.open(app.port);
    expect(await client.socket.emitWithAck('demo.public', event('demo.public'))).toMatchObject({
      data: 'open',
    });
    client.socket.emit('demo.nothing', event('demo.nothing'));
    expect((await client.next('exception')).code).toBe('UNAUTHENTICATED');
    await client.next('disconnect');
    expect(demo.calls).toEqual([]);
  });

  it('receives nothing of a namespace while its token is validated', async () => {
    const answers = new Subject<Json>();
    const validateToken = (token: string) =>
      token === 'slow'
        ? new Promise<never>(resolve => answers.subscribe(resolve as never))
        : { id: token };
    const app = await startIo({ gateways: [ClosedGateway], options: { auth: { validateToken } } });
    const at = { namespace: '/closed' };
    const slow = IoClient.open(app.port, { ...at, auth: { token: 'slow' } });
    const alice = IoClient.open(app.port, { ...at, auth: { token: 'alice' } });
    await alice.next('auth_success');
    await eventually(() => answers.observed);
    alice.socket.emit('broadcast', 'canary');
    expect(await alice.next('news')).toBe('canary');
    answers.next({ id: 'slow' });
    await slow.next('auth_success');
    expect(await slow.settled()).toEqual([]);
  });

  it('may send little: more is rejected, finished or not', async () => {
    const { app, seen } = await start({ maxUnauthenticatedMessageSize: 1_000 });
    const peer = await openRaw(app, `40{"token":"${'x'.repeat(1_000)}"}`);
    expect(await lastOf(peer)).not.toContain('40{"sid"');
    const unfinished = await openRaw(app);
    unfinished.send('4'.repeat(600), { fin: false });
    unfinished.send('4'.repeat(600), { fin: false, opcode: 0 });
    await lastOf(unfinished);
    expect(seen.filter(({ kind }) => kind === 'closed')).toMatchObject([
      { code: 'MESSAGE_TOO_LARGE' },
      { code: 'MESSAGE_TOO_LARGE' },
    ]);
  });
});

describe('a namespace of Socket.IO without a public handler', () => {
  it.each<[string, unknown]>([
    ['pattern', /^\/.*$/],
    [
      'function',
      (_name: string, _auth: unknown, next: (e: null, ok: boolean) => void) => {
        next(null, true);
      },
    ],
  ])(
    'is not entered without a token because it matches the %s of a public one',
    async (_, namespace) => {
      @Public()
      class Any {
        @SubscribeMessage('x')
        x() {
          return 1;
        }
      }
      WebSocketGateway({ path: '/events', namespace: namespace as RegExp })(Any);
      const { app } = await start({}, { gateways: [ClosedGateway, Any] });
      const other = IoClient.open(app.port, { namespace: '/other' });
      expect(await other.socket.emitWithAck('x')).toBe(1);
      const client = IoClient.open(app.port, { namespace: '/closed' });
      expect((await client.next('connect_error')).code).toBe('UNAUTHENTICATED');
      expect(app.nest.get(ClosedGateway).seen).toEqual([]);
    },
  );
});

describe('a ticket over Socket.IO', () => {
  it('is valid for one connection, whichever comes first of 20 at once', async () => {
    const { app, connections } = await start();
    const { ticket: token } = app.nest.get(TicketService).issue({ id: 'alice' });
    const all = Array.from({ length: 20 }, () => IoClient.open(app.port, { auth: { token } }));
    await eventually(() => all.every(({ received }) => received.length > 0));
    const names = all.map(({ received }) => received[0]!.name);
    expect(names.filter(name => name === 'auth_success')).toHaveLength(1);
    expect(names.filter(name => name === 'connect_error')).toHaveLength(19);
    await eventually(() => connections.count === 1);
  });

  it('cannot be guessed indefinitely', async () => {
    const { app } = await start(
      {},
      {
        gateways: [ClosedGateway],
        options: {
          auth: { jwt: { secret: 'x'.repeat(32) }, attempts: { rate: 1, per: 60_000, burst: 3 } },
        },
      },
    );
    const codes: string[] = [];
    for (let guess = 0; guess < 5; guess++) {
      const client = IoClient.open(app.port, {
        namespace: '/closed',
        auth: { token: `ticket.${guess}` },
      });
      codes.push((await client.next('connect_error')).code as string);
    }
    expect(codes).toEqual([
      ...Array<string>(3).fill('AUTH_FAILED'),
      'RATE_LIMITED',
      'RATE_LIMITED',
    ]);
  });
});

describe('a signed event over Socket.IO', () => {
  it('is handled once of 100 copies on two connections', async () => {
    const { app, demo } = await start();
    const [one, two] = [await producer(app), await producer(app, 'bob')];
    const copy = one.event('demo.echo', 'once');
    for (let sent = 0; sent < 50; sent++) for (const client of [one, two]) client.send(copy);
    const answered = () => one.received.length + two.received.length;
    await eventually(() => answered() === 100);
    const names = [...one.received, ...two.received].map(({ name, body }) =>
      name === 'exception' ? (body.code as string) : name,
    );
    expect(names.filter(name => name === 'demo.echo.reply')).toHaveLength(1);
    expect(names.filter(name => name === 'REPLAY_DETECTED')).toHaveLength(99);
    expect(demo.calls).toEqual(['once']);
  });

  it.each<[string, string, (client: IoClient, event: Json) => unknown]>([
    ['tampered with', 'INVALID_SIGNATURE', (c, e) => c.send({ ...e, data: 'canary!' })],
    ['sent to another handler', 'INVALID_SIGNATURE', (c, e) => c.socket.emit('demo.validated', e)],
    ['without a signature', 'INVALID_SIGNATURE', (c, e) => c.send({ ...e, semanticsignature: '' })],
    [
      'of long ago',
      'EVENT_EXPIRED',
      c => c.send(c.event('demo.echo', 1, { time: '2020-01-01T00:00:00Z' })),
    ],
    ['that is none', 'INVALID_EVENT', c => c.socket.emit('demo.echo', ['canary'])],
    ['that is several', 'INVALID_EVENT', (c, e) => c.socket.emit('demo.echo', e, e)],
    [
      'too deep',
      'INVALID_EVENT',
      c => c.socket.emit('plain', JSON.parse('['.repeat(40) + ']'.repeat(40))),
    ],
  ])('%s is rejected with %s and without echo', async (_, code, act) => {
    const { app, demo } = await start();
    const client = await IoClient.login(app);
    act(client, client.event('demo.echo', 'canary'));
    const refusal = await client.next('exception');
    expect(refusal.code).toBe(code);
    expect(JSON.stringify(refusal)).not.toContain('canary');
    expect(demo.calls).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'error'])(
    'named %s reaches no handler',
    async name => {
      const { app } = await start();
      const client = await IoClient.login(app);
      client.socket.emit(name, 1);
      expect((await client.next('exception')).code).toBe('UNKNOWN_EVENT');
    },
  );
});

describe('a client of Socket.IO that sends too much', () => {
  it('is closed for a message that is too large', async () => {
    const { app, seen } = await start({ maxMessageSize: 10_000 });
    const client = await IoClient.login(app);
    client.socket.emit('plain', 'x'.repeat(9_000));
    expect(await client.next('plain')).toHaveLength(9_000);
    client.socket.emit('plain', 'x'.repeat(10_001));
    expect((await client.next('exception')).code).toBe('MESSAGE_TOO_LARGE');
    await client.next('disconnect');
    expect(seen.at(-1)).toMatchObject({ kind: 'closed', code: 'MESSAGE_TOO_LARGE' });
  });

  it('is limited before its messages are parsed, and closed if it continues', async () => {
    const { app, seen, demo } = await start({
      messageRate: 0.01,
      messageBurst: 10,
      maxStrikes: 20,
    });
    const client = await IoClient.login(app);
    for (let sent = 0; sent < 100; sent++)
      client.socket.emit('demo.nothing', event('demo.nothing'));
    await client.next('disconnect');
    // One of the burst was used to connect. If all arrive at once, the connection ends before the
    // first is handled.
    expect(demo.calls.length).toBeLessThan(10);
    expect(seen.filter(({ kind }) => kind === 'refused')).toHaveLength(21);
    expect(seen.at(-1)).toMatchObject({ kind: 'closed', code: 'RATE_LIMITED' });
  });

  it.each<[string, (peer: RawPeer) => void]>([
    [
      'pings of the WebSocket',
      peer => {
        peer.send('x', { opcode: PING });
      },
    ],
    [
      'pongs of the WebSocket',
      peer => {
        peer.send('x', { opcode: PONG });
      },
    ],
    [
      'pongs of the engine',
      peer => {
        peer.send('3');
      },
    ],
    [
      'requests for namespaces',
      peer => {
        peer.send('40/nowhere,');
      },
    ],
    [
      'acknowledgements',
      peer => {
        peer.send('430["x"]');
      },
    ],
  ])('is closed for a flood of %s', async (_, flood) => {
    const { app, seen } = await start({ messageRate: 1, messageBurst: 10, maxStrikes: 5 });
    const peer = await openRaw(app, `40{"token":"${tokenFor('alice')}"}`);
    for (let sent = 0; sent < 50; sent++) flood(peer);
    await lastOf(peer);
    expect(seen.at(-1)).toMatchObject({ kind: 'closed', code: 'RATE_LIMITED' });
  });

  it('may enter at most 16 namespaces', async () => {
    @WebSocketGateway({ path: '/events', namespace: /^\/n\d+$/ })
    class Any {
      @SubscribeMessage('x')
      x() {
        return 1;
      }
    }
    const { app, seen } = await start({}, { gateways: [Any] });
    const packets = Array.from(
      { length: 17 },
      (_, at) => `40/n${at},{"token":"${tokenFor('alice')}"}`,
    );
    await openRaw(app, ...packets);
    await eventually(() => seen.some(event => event.kind === 'refused'));
    expect(seen.filter(({ kind }) => kind === 'refused')).toMatchObject([{ code: 'RATE_LIMITED' }]);
    expect(seen.filter(({ kind }) => kind === 'authenticated')).toHaveLength(16);
  });

  it.each([
    ['binary', 'UNSUPPORTED_FRAME', Buffer.from('x'), 2],
    ['an invalid packet', 'BAD_FRAME', '4zzz', 1],
    ['invalid JSON', 'BAD_FRAME', '42["x"', 1],
    ['a reserved event', 'BAD_FRAME', '42["disconnect"]', 1],
    ['a namespace that it has not entered', 'BAD_FRAME', '42/nowhere,["x"]', 1],
  ])('is closed for %s', async (_, code, content, opcode) => {
    const { app, seen, connections } = await start();
    const peer = await openRaw(app, `40{"token":"${tokenFor('alice')}"}`);
    await eventually(() => connections.list()[0]?.user !== undefined);
    peer.send(content, { opcode });
    await lastOf(peer);
    expect(seen.filter(({ kind }) => kind === 'closed')).toMatchObject([{ code }]);
    await IoClient.login(app);
  });

  it('cannot run more handlers by leaving and re-entering their namespace', async () => {
    let running = 0;
    @WebSocketGateway({ path: '/events' })
    class Slow {
      @SubscribeMessage('slow')
      slow() {
        running++;
        return new Promise(() => undefined);
      }
    }
    const connection = { maxRunningHandlers: 2, shutdownTimeout: 0 };
    const { app, connections } = await start(connection, { gateways: [Slow] });
    const peer = await openRaw(app, `40{"token":"${tokenFor('alice')}"}`);
    await eventually(() => connections.list()[0]?.user !== undefined);
    const { counters } = connections.list()[0]!;
    for (let round = 0; round < 4; round++)
      for (const packet of ['42["slow"]', '41', '40']) {
        // Small packets may be delayed, and must not arrive together. With two running handlers
        // none is read.
        const { received } = counters;
        peer.send(packet);
        await eventually(() => counters.received > received || running === 2);
      }
    await pause(60);
    expect(running).toBe(2);
  });

  it('is read only as fast as its handlers run', async () => {
    let running = 0;
    let most = 0;
    const end = new Subject<void>();
    @WebSocketGateway({ path: '/events' })
    class Slow {
      @SubscribeMessage('slow')
      async slow() {
        most = Math.max(most, ++running);
        await new Promise<void>(resolve => end.subscribe(resolve));
        running--;
        return 'done';
      }
    }
    const connection = { messageRate: 10_000, messageBurst: 10_000, maxRunningHandlers: 8 };
    const { app, connections } = await start(connection, { gateways: [Slow] });
    const client = await IoClient.login(app);
    const acks = Array.from({ length: 500 }, () =>
      client.socket.emitWithAck('slow', 'x'.repeat(2_000)),
    );
    await pause(100);
    // Plus what one turn of the event loop has read.
    expect(most).toBeLessThan(8 + 64);
    expect(connections.list()[0]!.counters.received).toBeLessThan(500);
    const timer = setInterval(() => {
      end.next();
    }, 1);
    expect(await Promise.all(acks)).toEqual(Array<string>(500).fill('done'));
    clearInterval(timer);
  });
});

describe('an upgrade to a path that only begins like that of Socket.IO', () => {
  it.each(['/events2', '/events?a=b', '/events-more/'])(
    'is answered, counted and ended: %s',
    async path => {
      const { app } = await start({ connectRate: 0.01, connectBurst: 1 });
      const open = async () => (await RawPeer.connect(app.port)).handshake(path);
      expect(await open()).toMatchObject({ status: 404 });
      expect(await open()).toMatchObject({ status: 429 });
    },
  );
});

describe('a polling client of Socket.IO that moves to a WebSocket', () => {
  @WebSocketGateway({ path: '/events', transports: ['polling', 'websocket'] })
  @Public()
  class Movable {
    @SubscribeMessage('x')
    x() {
      return 1;
    }
  }
  const POLLING = '/events/?EIO=4&transport=polling';

  /** @param isMoved whether it has moved, or only asks whether it can */
  const move = async (isMoved: boolean, connection = {}) => {
    const { app, seen } = await start(connection, { gateways: [Movable] });
    const { sid } = JSON.parse(((await poll(app, POLLING)).body as string).slice(1)) as Json;
    const peer = await RawPeer.open(app.port, `${PATH}&sid=${sid}`);
    if (isMoved) {
      peer.send('2probe');
      expect((await peer.next())?.payload.toString()).toBe('3probe');
      peer.send('5');
    }
    return { app, seen, peer, sid: sid as string };
  };

  describe.each([
    ['once it has moved', true],
    ['before it has moved', false],
  ])('%s', (_, isMoved) => {
    it('is charged for fragments', async () => {
      const { peer, seen } = await move(isMoved, { messageRate: 0.001, messageBurst: 20 });
      peer.send('3', { fin: false });
      for (let part = 0; part < 1_000; part++) peer.send('', { opcode: CONTINUATION, fin: false });
      await eventually(() => seen.some(({ kind }) => kind === 'closed'));
      expect(seen.find(({ kind }) => kind === 'closed')).toMatchObject({ code: 'RATE_LIMITED' });
    });

    it('may send no message over the limit for unauthenticated clients', async () => {
      const { peer, seen } = await move(isMoved);
      peer.write(frame('x'.repeat(8_193)).subarray(0, 100));
      await eventually(() => seen.some(({ kind }) => kind === 'closed'));
      expect(seen.find(({ kind }) => kind === 'closed')).toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      });
    });

    it.each([
      ['pings', PING],
      ['pongs', PONG],
    ])('is charged for %s', async (__, opcode) => {
      const limits = { messageRate: 0.001, messageBurst: 20, maxStrikes: 5 };
      const { peer, seen } = await move(isMoved, limits);
      for (let sent = 0; sent < 100; sent++) peer.send('', { opcode });
      await eventually(() => seen.some(({ kind }) => kind === 'closed'));
      expect(seen.find(({ kind }) => kind === 'closed')).toMatchObject({ code: 'RATE_LIMITED' });
    });
  });

  it('is charged for asking whether it can', async () => {
    const limits = { messageRate: 0.001, messageBurst: 20, maxStrikes: 5 };
    const { peer, seen } = await move(false, limits);
    for (let sent = 0; sent < 100; sent++) peer.send('2probe');
    await eventually(() => seen.some(({ kind }) => kind === 'closed'));
    expect(seen.find(({ kind }) => kind === 'closed')).toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('uses up an attempt of its address', async () => {
    const { app, sid } = await move(false, { connectRate: 0.01, connectBurst: 2 });
    const again = await RawPeer.connect(app.port);
    expect((await again.handshake(`${PATH}&sid=${sid}`)).status).toBe(429);
  });
});

describe('a handler of Socket.IO', () => {
  it('counts the memory of its own frame, not that of the next one', async () => {
    let large = 0;
    @WebSocketGateway({ path: '/events' })
    class Endless {
      @SubscribeMessage('endless')
      async endless(@MessageBody() data: unknown) {
        if (Array.isArray(data)) large++;
        await new Promise(() => undefined);
      }
    }
    const { app, connections } = await start({ messageBurst: 10_000 }, { gateways: [Endless] });
    const peer = await openRaw(app, `40{"token":"${tokenFor('alice')}"}`);
    await eventually(() => connections.list()[0]?.user !== undefined);
    // About 560 kB each when it is parsed, of 1 MiB for one connection.
    const costly = frame(`42["endless",[${'{},'.repeat(8_000)}{}]]`);
    for (let sent = 0; sent < 6; sent++) {
      peer.write(Buffer.concat([costly, frame('42["endless",0]')]));
      await pause(20);
    }
    await eventually(() => large > 0);
    await pause(50);
    expect(large).toBeLessThanOrEqual(2);
  });
});

describe('a token for each namespace of Socket.IO', () => {
  it('costs as much as a renewal', async () => {
    const limits = { messageRate: 0.001, messageBurst: 20 };
    const { app } = await start(limits, { gateways: [ClosedGateway, RoomGateway] });
    const client = await IoClient.login(app, 'alice', { namespace: '/closed' });
    const auth = { token: tokenFor('alice') };
    const rooms = [1, 2, 3, 4, 5].map(
      room => new IoClient(client.socket.io.socket(`/room-${room}`, { auth })),
    );
    expect(await rooms[4]!.next('connect_error')).toMatchObject({ code: 'RATE_LIMITED' });
    expect(rooms[0]!.received.map(({ name }) => name)).toContain('auth_success');
  });
});

describe('a token for a further namespace of Socket.IO', () => {
  it('costs one unit for each pattern and room that is authorized again', async () => {
    const limits = { messageRate: 0.001, messageBurst: 100 };
    const app = await startIo({
      gateways: [ClosedGateway, RoomGateway],
      options: { connection: limits, mesh: { allow: ['**'] } },
    });
    const client = await IoClient.login(app, 'alice', { namespace: '/closed' });
    const patterns = Array.from({ length: 30 }, (_, n) => `chat.${n}`);
    client.socket.emit('subscribe', { patterns });
    await client.next('subscribed');
    const auth = { token: tokenFor('alice') };
    // About 33 units so far, and 35 for each token.
    const rooms = [1, 2].map(
      room => new IoClient(client.socket.io.socket(`/room-${room}`, { auth })),
    );
    await rooms[0]!.next('auth_success');
    expect(await rooms[1]!.next('connect_error')).toMatchObject({ code: 'RATE_LIMITED' });
  });
});

describe('an acknowledgement over Socket.IO', () => {
  const answers: unknown[] = [];

  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class AskingGateway {
    handleConnection(socket: Socket) {
      socket.emit('question', (answer: { name: string }) => {
        answers.push(answer);
        answer.name.trim();
      });
      socket.emit('later', async (answer: { name: string }) => {
        await Promise.resolve();
        answer.name.trim();
      });
    }
  }

  const ask = async (name: string, answer: unknown) => {
    answers.length = 0;
    const app = await startIo({ gateways: [AskingGateway] });
    const client = IoClient.open(app.port, { auth: { token: tokenFor('alice') } });
    client.socket.on(name, (acknowledge: (answer: unknown) => void) => {
      acknowledge(answer);
    });
    return client;
  };

  it.each(['question', 'later'])(
    'that makes the callback of a message fail ends the connection, and nothing else: %s',
    async name => {
      const unhandled = jest.fn();
      process.on('uncaughtException', unhandled).on('unhandledRejection', unhandled);
      const client = await ask(name, null);
      expect((await client.next('exception')).code).toBe('INTERNAL');
      await client.next('disconnect');
      await pause(20);
      process.off('uncaughtException', unhandled).off('unhandledRejection', unhandled);
      expect(unhandled).not.toHaveBeenCalled();
    },
  );

  it.each([
    ['too deep', '['.repeat(40) + ']'.repeat(40)],
    ['ambiguous', '{"__proto__":{"name":"evil"}}'],
  ])('is rejected like a message if it is %s', async (_, text) => {
    const client = await ask('question', JSON.parse(text));
    expect((await client.next('exception')).code).toBe('INVALID_EVENT');
    expect(answers).toEqual([]);
  });

  it('reaches its callback', async () => {
    await ask('question', { name: 'a' });
    await eventually(() => answers.length > 0);
    expect(answers).toEqual([{ name: 'a' }]);
  });
});

describe('a listener that a gateway adds to a socket of Socket.IO', () => {
  let ended = 0;

  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class ListeningGateway {
    handleConnection(socket: Socket) {
      const fails = () => {
        ended++;
        throw new Error('canary');
      };
      const removed = jest.fn(fails);
      socket.on('removed', removed).off('removed', removed);
      socket.once('removed', removed).off('removed', removed);
      socket.on('throws', fails);
      socket.once('throws once', fails);
      socket.on('rejects', async () => {
        await Promise.resolve();
        fails();
      });
      socket.on('disconnecting', fails);
      socket.on('disconnect', fails);
      socket.use((event, next) => {
        if (event[0] === 'late') setTimeout(next, 1);
        else next();
      });
      socket.on('late', fails);
    }
  }

  it.each(['throws', 'throws once', 'rejects', 'late'])(
    'ends only its connection if it fails: %s',
    async name => {
      ended = 0;
      const unhandled = jest.fn();
      process.on('uncaughtException', unhandled).on('unhandledRejection', unhandled);
      const { app, connections, store } = await start({}, { gateways: [ListeningGateway] });
      const client = await IoClient.login(app);
      client.socket.emit('removed');
      expect((await client.next('exception')).code).toBe('UNKNOWN_EVENT');
      client.socket.emit(name, 1);
      expect((await client.next('exception')).code).toBe('INTERNAL');
      await eventually(() => connections.count === 0 && store.count('all') === 0);
      await eventually(() => ended === 3);
      process.off('uncaughtException', unhandled).off('unhandledRejection', unhandled);
      expect(unhandled).not.toHaveBeenCalled();
    },
  );
});

describe('a client of Socket.IO that does not read', () => {
  it('is dropped when too much is pending, and others are not', async () => {
    @WebSocketGateway({ path: '/events' })
    class Talkative {
      @SubscribeMessage('talk')
      talk() {
        return { event: 'said', data: 'x'.repeat(60_000) };
      }
    }
    const { app, seen, connections } = await start(
      { maxBufferedBytes: 500_000 },
      { gateways: [Talkative] },
    );
    const peer = await openRaw(app, `40{"token":"${tokenFor('alice')}"}`);
    await eventually(() => connections.list()[0]?.user !== undefined);
    peer.socket.pause();
    const other = await IoClient.login(app, 'bob');
    let most = 0;
    for (let request = 0; request < 150 && connections.count > 1; request++) {
      peer.send('42["talk"]');
      await pause(2);
      most = Math.max(most, connections.queuedBytes);
    }
    await eventually(() => connections.count === 1);
    expect(most).toBeLessThan(700_000);
    expect(seen.filter(({ kind }) => kind === 'closed')).toMatchObject([{ code: 'SLOW_CONSUMER' }]);
    other.socket.emit('talk');
    expect(await other.next('said')).toHaveLength(60_000);
  });

  it('or answer is closed after two heartbeats', async () => {
    const { app, store, connections } = await start({
      heartbeatInterval: 300,
      closeTimeout: 300,
    });
    await openRaw(app, `40{"token":"${tokenFor('alice')}"}`);
    await eventually(() => connections.count === 1);
    await eventually(() => connections.count === 0);
    await eventually(() => store.size === 0);
  });
});

describe('a handler of Socket.IO with @Public() in one gateway only', () => {
  it('is not reached through the other', async () => {
    const calls: string[] = [];
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Closed {
      @SubscribeMessage('both')
      both(@EventData() data: unknown) {
        calls.push('closed');
        return data;
      }

      @SubscribeMessage('more')
      @SignedEvent()
      more() {
        calls.push('more');
      }
    }
    @WebSocketGateway({ path: '/events' })
    class Open {
      @SubscribeMessage('both')
      @Public()
      both() {
        calls.push('open');
        return { event: 'done', data: 1 };
      }
    }
    const { app } = await start({}, { gateways: [Closed, Open] });
    const client = IoClient.open(app.port);
    client.socket.emit('both', event('both'));
    await client.next('done');
    expect(await client.settled()).toEqual([]);
    expect(calls).toEqual(['open']);
  });
});

function event(type: string): Json {
  const id = createHash('sha256').update(type).digest('hex').slice(0, 16);
  return { specversion: '1.0', type, source: 'test', id };
}
