import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io } from 'socket.io-client';
import type { WebSocket } from 'ws';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/free-port.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { ClosedGateway, OpenGateway, RoomGateway } from '../helpers/io.gateways.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { tokenFor } from '../helpers/test-app.js';
import {
  clientOf,
  ConnectionManager,
  ConnectionStore,
  RateLimit,
  SecureGateway,
  SecurityEvents,
  type SecurityEvent,
} from '../../lib/index.js';
import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import type { IoOptions } from '../../lib/transports/socket.io/io-types.js';

const start = (more = {}) => startIo({ gateways: [DemoGateway], ...more });

describe('a Socket.IO gateway', () => {
  it('sends a session key to a client that connects with a token', async () => {
    const app = await start();
    const client = IoClient.open(app.port, { auth: { token: tokenFor('alice') } });
    expect(await client.next('auth_success')).toMatchObject({
      client_id: expect.any(String),
      user_id: 'alice',
      expires_at: expect.any(String),
      signing: { scheme: 'v1', key_id: expect.stringMatching(/^s-/), key: expect.any(String) },
    });
    const [connected] = app.nest.get(ConnectionManager).list();
    expect(connected).toMatchObject({ address: '127.0.0.1', user: { id: 'alice' } });
  });

  it('has the headers of a client, without those of the WebSocket handshake', async () => {
    const app = await start();
    await IoClient.login(app);
    const [client] = app.nest.get(ConnectionManager).list();
    const names = Object.keys(client?.handshake.headers ?? {});
    expect(names).toContain('host');
    expect(names.filter(name => /^(connection|upgrade|sec-websocket-)/.test(name))).toEqual([]);
  });

  it('answers a signed event with a signed event that has its id', async () => {
    const client = await IoClient.login(await start());
    const request = client.send(client.event('demo.echo', { text: 'grüß dich' }));
    const reply = await client.next('demo.echo.reply');
    expect(reply).toMatchObject({
      type: 'demo.echo.reply',
      data: { text: 'grüß dich' },
      semanticcorrelationid: request.id,
    });
    expect(client.verifies(reply)).toBe(true);
  });

  it('answers with a signed acknowledgement if requested', async () => {
    const client = await IoClient.login(await start());
    const reply = await client.socket.emitWithAck('demo.echo', client.event('demo.echo', 7));
    expect(reply).toMatchObject({ type: 'demo.echo.reply', data: 7 });
    expect(client.verifies(reply)).toBe(true);
  });

  it('answers plain messages like Nest', async () => {
    const client = await IoClient.login(await startIo({ gateways: [ClosedGateway] }), 'alice', {
      namespace: '/closed',
    });
    expect(await client.socket.emitWithAck('whoami', 1)).toEqual({ user: 'alice' });
    const demo = await IoClient.login(await start());
    demo.socket.emit('plain', { a: [1] });
    expect(await demo.next('plain')).toEqual({ a: [1] });
  });

  it('answers with every item of a stream, the first as the acknowledgement', async () => {
    const client = await IoClient.login(await start());
    const event = client.event('demo.stream', [1, 2, 3]);
    const first = await client.socket.emitWithAck('demo.stream', event);
    expect(first.data).toBe(1);
    for (const item of [2, 3]) {
      const reply = await client.next('demo.item');
      expect(reply.data).toBe(item);
      expect(client.verifies(reply)).toBe(true);
    }
  });

  it.each([
    ['demo.throws', 'INTERNAL'],
    ['demo.failing-stream', 'INTERNAL'],
    ['demo.unencodable', 'INTERNAL'],
    ['demo.refuses', 'FORBIDDEN'],
    ['demo.missing', 'UNKNOWN_EVENT'],
  ])(
    'answers %s with an exception event that has the members of an error frame',
    async (type, code) => {
      const client = await IoClient.login(await start());
      const { id } = client.send(client.event(type, 'canary'));
      const refusal = await client.next('exception');
      expect(refusal).toEqual({
        code,
        status: expect.any(Number),
        message: expect.any(String),
        id,
      });
      client.send(client.event('demo.echo', 'still here'));
      expect((await client.next('demo.echo.reply')).data).toBe('still here');
    },
  );

  it('reports rejections, connections and their end', async () => {
    const app = await start();
    const seen: SecurityEvent[] = [];
    app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
    const client = await IoClient.login(app);
    client.send(client.event('demo.refuses'));
    await client.next('exception');
    app.nest.get(ConnectionManager).disconnectUser('alice');
    await client.next('disconnect');
    expect(
      seen.map(event => [event.kind, 'code' in event && event.code, 'path' in event && event.path]),
    ).toEqual([
      ['authenticated', false, '/events'],
      ['refused', 'FORBIDDEN', '/events'],
      ['closed', 'REVOKED', '/events'],
    ]);
  });

  it("accepts events signed with the connection's own session key only", async () => {
    const app = await startIo({ gateways: [ClosedGateway] });
    const at = { namespace: '/closed' };
    const [one, two] = [
      await IoClient.login(app, 'alice', at),
      await IoClient.login(app, 'bob', at),
    ];
    two.signing = one.signing;
    two.send(two.event('echo', 1));
    expect((await two.next('exception')).code).toBe('INVALID_SIGNATURE');
    const event = one.event('echo', 1);
    expect((await one.socket.emitWithAck('echo', event)).data).toBe(1);
  });

  it('applies @RateLimit, with the retry delay', async () => {
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Limited {
      @SubscribeMessage('once')
      @RateLimit({ rate: 1, per: 60_000 })
      once() {
        return 'done';
      }
    }
    const client = await IoClient.login(await startIo({ gateways: [Limited] }));
    expect(await client.socket.emitWithAck('once')).toBe('done');
    client.socket.emit('once');
    const refusal = await client.next('exception');
    expect(refusal.code).toBe('RATE_LIMITED');
    expect(refusal.retry_after).toBeGreaterThan(50);
  });
});

describe('Socket.IO namespaces', () => {
  const gateways = [ClosedGateway, RoomGateway, OpenGateway];

  it('share one connection, one user and one session key', async () => {
    const app = await startIo({ gateways });
    const client = await IoClient.login(app, 'alice', { namespace: '/closed' });
    const other = new IoClient(client.socket.io.socket('/room-1'));
    expect(await other.socket.emitWithAck('here', 1)).toEqual({ in: '/room-1' });
    expect(app.nest.get(ConnectionManager).count).toBe(1);
    other.socket.disconnect();
    expect(await client.socket.emitWithAck('whoami')).toEqual({ user: 'alice' });
  });

  it('are entered one after the other if each sends its token at once', async () => {
    const validateToken = async (token: string) => {
      await new Promise(setImmediate);
      return { id: token };
    };
    const app = await startIo({ gateways, options: { auth: { validateToken } } });
    const { socket } = IoClient.open(app.port, {
      namespace: '/closed',
      auth: { token: 'alice' },
      autoConnect: false,
    });
    const rooms = [1, 2, 3].map(
      room => new IoClient(socket.io.socket(`/room-${room}`, { auth: { token: 'alice' } })),
    );
    for (const room of rooms) room.socket.connect();
    socket.connect();
    for (const room of rooms) await room.next('auth_success');
    expect(app.nest.get(ConnectionManager).list()).toMatchObject([{ user: { id: 'alice' } }]);
  });

  it('cannot be entered as another user on the same connection', async () => {
    const app = await startIo({ gateways });
    const client = await IoClient.login(app, 'alice', { namespace: '/closed' });
    const bob = new IoClient(
      client.socket.io.socket('/room-1', { auth: { token: tokenFor('bob') } }),
    );
    expect((await bob.next('connect_error')).code).toBe('AUTH_FAILED');
    await client.next('disconnect');
  });

  it('allow unauthenticated clients into public namespaces only', async () => {
    const app = await startIo({ gateways });
    const open = IoClient.open(app.port, { namespace: '/open' });
    expect(await open.socket.emitWithAck('hello')).toBe('hello');
    for (const namespace of ['/', '/closed', '/room-2']) {
      const client = IoClient.open(app.port, { namespace });
      expect(await client.next('connect_error')).toEqual({
        code: 'UNAUTHENTICATED',
        status: 401,
        message: 'Authentication is required',
      });
    }
    await eventually(() => app.nest.get(ConnectionManager).count === 1);
    expect(app.nest.get(ClosedGateway).seen).toEqual([]);
  });

  it('apply the same checks to listeners that a gateway adds itself', async () => {
    const app = await startIo({ gateways });
    const client = await IoClient.login(app, 'alice', { namespace: '/closed' });
    expect(await client.socket.emitWithAck('by hand', { a: 1 })).toEqual({ byHand: { a: 1 } });
    client.socket.emit('by hand', JSON.parse('{"__proto__":{"x":1}}'));
    expect((await client.next('exception')).code).toBe('INVALID_EVENT');
    client.socket.emit('error', 1);
    expect((await client.next('exception')).code).toBe('UNKNOWN_EVENT');
  });

  it('return the client of a socket', async () => {
    const app = await startIo({ gateways });
    await IoClient.login(app, 'alice', { namespace: '/closed' });
    const [socket] = await app.nest.get(ClosedGateway).server.fetchSockets();
    const local = app.nest.get(ClosedGateway).server as unknown as { sockets: Map<string, object> };
    expect(clientOf(local.sockets.get(socket!.id)!).user?.id).toBe('alice');
  });
});

describe('the options of a Socket.IO gateway', () => {
  const gatewayWith = (options: object) => {
    class Given {
      @SubscribeMessage('x')
      x() {
        return 1;
      }
    }
    WebSocketGateway({ path: '/events', ...options })(Given);
    return Given;
  };

  it.each<[string, Partial<IoOptions> & { namespace?: RegExp }]>([
    ['namespace', { namespace: /^\/room-/g }],
    ['namespace', { namespace: /^\/room-/y }],
    ['connectionStateRecovery', { connectionStateRecovery: {} }],
    ['allowEIO3', { allowEIO3: true }],
    ['maxHttpBufferSize', { maxHttpBufferSize: 1e9 }],
    ['perMessageDeflate', { perMessageDeflate: true }],
    ['httpCompression', { httpCompression: true }],
    ['transports', { transports: ['webtransport'] }],
  ])('stop the start if %s would be unsafe', async (name, options) => {
    await expect(startIo({ gateways: [gatewayWith(options)] })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      problems: [expect.stringContaining(`/events: ${name}`)],
    });
  });

  it('may include allowRequest, which rejects the handshake if it throws', async () => {
    const allowRequest: IoOptions['allowRequest'] = ({ url = '' }, answer) => {
      if (url.includes('fail')) throw new Error('what the application asks fails');
      answer(null, !url.includes('no'));
    };
    const app = await startIo({ gateways: [gatewayWith({ allowRequest })] });
    for (const [query, status] of [
      ['yes', 101],
      ['no', 400],
      ['fail', 503],
    ] as const) {
      const peer = await RawPeer.connect(app.port);
      const answer = await peer.handshake(`/events/?EIO=4&transport=websocket&${query}`);
      expect(answer.status).toBe(status);
      peer.reset();
    }
    const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
    await eventually(() => store.size === 0);
  });

  it('require the imported module', async () => {
    const { Test } = await import('@nestjs/testing');
    const { SemanticEventsIoAdapter } = await import('../../lib/socket.io/index.js');
    const module = await Test.createTestingModule({}).compile();
    const app = module.createNestApplication({ logger: false });
    expect(() => new SemanticEventsIoAdapter(app)).toThrow('SemanticEventsIoAdapter needs');
    await app.close();
  });

  it('allow polling if enabled, which uses one slot until the session ends', async () => {
    const app = await startIo({
      gateways: [gatewayWith({ transports: ['polling', 'websocket'] })],
      options: { connection: { maxConnectionsPerAddress: 1 } },
    });
    const polling = { transports: ['polling'], auth: { token: tokenFor('alice') }, upgrade: false };
    const client = IoClient.open(app.port, polling);
    await client.next('auth_success');
    expect(await client.socket.emitWithAck('x')).toBe(1);
    const second = IoClient.open(app.port, polling);
    await second.next('connect_error');
    client.socket.disconnect();
    await eventually(() => app.nest.get(ConnectionManager).count === 0);
    await IoClient.open(app.port, polling).next('auth_success');
  });

  it('allow an upgrade from polling on the same slot', async () => {
    const app = await startIo({
      gateways: [gatewayWith({ transports: ['polling', 'websocket'] })],
      options: { connection: { maxConnectionsPerAddress: 1 } },
    });
    const client = IoClient.open(app.port, {
      transports: ['polling', 'websocket'],
      auth: { token: tokenFor('alice') },
    });
    await client.next('auth_success');
    await eventually(() => client.socket.io.engine.transport.name === 'websocket');
    expect(await client.socket.emitWithAck('x')).toBe(1);
    expect(app.nest.get(ConnectionManager).count).toBe(1);
    const { ws } = client.socket.io.engine.transport as unknown as { ws: WebSocket };
    await new Promise(resolve => {
      ws.once('pong', resolve).ping();
    });
  });

  it('may include a port of its own', async () => {
    const port = await freePort();
    @WebSocketGateway(port, {})
    @SecureGateway()
    class Own {
      @SubscribeMessage('x')
      x() {
        return 'own';
      }
    }
    const app = await startIo({ gateways: [Own] });
    const paths: unknown[] = [];
    app.nest.get(SecurityEvents).subscribe(event => paths.push('path' in event && event.path));
    const socket = io(`http://127.0.0.1:${port}`, {
      transports: ['websocket'],
      auth: { token: tokenFor('alice') },
      reconnection: false,
    });
    expect(await socket.emitWithAck('x')).toBe('own');
    expect(paths).toEqual(['/socket.io']);
    socket.disconnect();
  });
});
