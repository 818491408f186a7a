import { io } from 'socket.io-client';
import { overSocketIo, SemanticEventsClient } from '../../lib/client/index.js';
import {
  ConnectionManager,
  EventAuthorizer,
  EventMesh,
  SemanticEventsModule,
} from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/transports/socket.io/index.js';
import { ChatGateway } from '../../sample/01-quickstart/chat.gateway.js';
import { LastingRightsAuthorizer } from '../../sample/01-quickstart/lasting-rights.authorizer.js';
import { failureOf } from '../helpers/client-bench.js';
import { ClientHost } from '../helpers/client-host.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { startIo } from '../helpers/io-client.js';
import { JWT_SECRET, RING_KEY, type TestApp, tokenFor } from '../helpers/test-app.js';
import { BEHAVIOURS } from './behaviours.js';

const socketTo = (port: number) =>
  io(`http://127.0.0.1:${port}`, {
    path: '/events',
    transports: ['websocket'],
    autoConnect: false,
    forceNew: true,
  });

describe('a client over Socket.IO', () => {
  let host: ClientHost;

  beforeEach(async () => {
    host = await ClientHost.start({ adapter: SemanticEventsIoAdapter });
  });

  afterEach(async () => {
    await host.close();
  });

  it.each([
    'sends accepted events, and verifies the replies',
    'sends an accepted first event even if its clock is an hour behind',
    'sends and receives bytes',
    'receives the reason for a rejection',
    'waits for the retry delay of the server',
    'renews its session before it expires',
    'does not reconnect after its access was revoked',
  ])('%s', async name => {
    const transport = () => overSocketIo(socketTo(host.app.port))();

    await BEHAVIOURS[name]!({
      ...host.surroundings,
      Client: SemanticEventsClient,
      options: { transport },
    });
  });
});

describe('a client on one Socket.IO socket', () => {
  let app: TestApp;
  const clients: SemanticEventsClient[] = [];

  const clientOf = (
    getToken: () => string | null = () => tokenFor('alice'),
    random = Math.random,
  ) => {
    const socket = socketTo(app.port);
    const client = new SemanticEventsClient({
      transport: overSocketIo(socket),
      getToken,
      backoff: 20,
      random,
    });
    clients.push(client);
    const codes: string[] = [];
    client.on('error', ({ code }) => codes.push(code));
    return { client, socket, codes };
  };

  beforeEach(async () => {
    app = await startIo({
      gateways: [DemoGateway, ChatGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        mesh: { allow: ['chat.*', 'news.*'] },
        providers: [{ provide: EventAuthorizer, useClass: LastingRightsAuthorizer }],
      }),
    });
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  it('delivers every chat event once and in order to all subscribers', async () => {
    const alice = clientOf();
    const bob = clientOf(() => tokenFor('bob'));
    const received: unknown[] = [];
    const { ready } = bob.client.subscribe('chat.*', ({ data, subject }) =>
      received.push([subject, data]),
    );
    await Promise.all([alice.client.connect(), bob.client.connect(), ready]);
    for (let n = 1; n <= 20; n++) await alice.client.request('chat.message', n);
    await eventually(() => received.length >= 20);

    expect(received).toEqual(Array.from({ length: 20 }, (_, n) => ['alice', n + 1]));
    expect([...alice.codes, ...bob.codes]).toEqual([]);
  });

  it.each([
    ['at once', 0],
    ['after the longest wait', 1],
  ])(
    'that reconnects %s resumes its subscriptions after any kind of disconnect',
    async (_, wait) => {
      const { client, socket } = clientOf(undefined, () => wait);
      const mesh = app.nest.get(EventMesh);
      const received: unknown[] = [];
      let losses = 0;
      // Count the losses: a client can be connected again before anybody polls its state.
      client.on('state', ({ state }) => {
        if (state === 'waiting' || state === 'idle') losses++;
      });
      const { ready } = client.subscribe('news.*', ({ data }) => received.push(data));
      await client.connect();
      await ready;
      let n = 0;
      for (const lose of [
        () => socket.io.engine.close(),
        () => {
          client.disconnect();
        },
        () => socket.disconnect(),
      ]) {
        await mesh.emit('news.today', ++n);
        await eventually(() => received.length === n);
        const before = losses;
        lose();
        await eventually(() => losses > before);
        for (let missed = 0; missed < 40; missed++) await mesh.emit('news.today', ++n);
        await client.connect();
        await eventually(() => received.length === n);
      }

      expect(received).toEqual(Array.from({ length: n }, (_, index) => index + 1));
    },
  );

  it('receives rejected subscriptions, and ends those it no longer wants', async () => {
    const { client } = clientOf();
    await client.connect();
    expect(await failureOf(client.subscribe('secret.*', () => undefined).ready)).toMatchObject({
      code: 'FORBIDDEN',
      patterns: ['secret.*'],
    });

    const received: unknown[] = [];
    const stop = client.subscribe('news.*', ({ data }) => received.push(data));
    await stop.ready;
    stop();
    await client.request('demo.echo', 'in between');
    await app.nest.get(EventMesh).emit('news.today', 1);
    await client.request('demo.echo', 'behind');
    expect(received).toEqual([]);
  });

  it("closes after three rejected tokens, with the server's message", async () => {
    const { client, codes } = clientOf(() => 'not a token');

    expect(await failureOf(client.connect())).toMatchObject({
      code: 'AUTH_FAILED',
      message: expect.stringContaining('token'),
    });
    expect(codes).toEqual(['AUTH_FAILED', 'AUTH_FAILED', 'AUTH_FAILED']);
  });

  it('does not report an earlier rejection as the reason for a lost connection', async () => {
    const { client, socket, codes } = clientOf();
    await client.connect();
    expect((await failureOf(client.request('demo.refuses'))).code).toBe('FORBIDDEN');
    socket.io.engine.close();
    await eventually(() => codes.length > 0);

    expect(codes).toEqual(['CONNECTION_LOST']);
    await client.connect();
  });

  it('reports why the server rejected the handshake', async () => {
    const socket = io(`http://127.0.0.1:${app.port}`, {
      path: '/elsewhere',
      transports: ['websocket'],
      autoConnect: false,
      forceNew: true,
    });
    const client = new SemanticEventsClient({
      transport: overSocketIo(socket),
      getToken: () => tokenFor('alice'),
    });
    clients.push(client);
    const error = new Promise(resolve => client.on('error', resolve));
    void client.connect();

    expect(await error).toMatchObject({
      code: 'CONNECTION_LOST',
      cause: 'Unexpected server response: 404',
    });
  });

  it('reports why the server closed the connection', async () => {
    const { client, codes } = clientOf();
    await client.connect();
    app.nest.get(ConnectionManager).disconnectUser('alice');
    await eventually(() => client.state === 'closed');

    expect(codes).toEqual(['REVOKED']);
  });

  it('rejects an event with a name that Socket.IO reserves', async () => {
    const { client } = clientOf();
    await client.connect();

    for (const sent of [client.emit('disconnect'), client.request('connect')])
      expect(await failureOf(sent)).toMatchObject({
        code: 'INVALID_EVENT',
        message: expect.stringContaining('reserved'),
      });
    expect((await client.request('demo.echo', 'after')).data).toBe('after');
  });

  it.each(['auth', 'semantic-events:ping'])(
    'rejects the event %s at once, and so does the server',
    async type => {
      const { client, socket } = clientOf();
      await client.connect();

      expect(await failureOf(client.request(type))).toMatchObject({
        code: 'INVALID_EVENT',
        message: expect.stringContaining('reserved'),
      });
      const answer = new Promise(resolve => socket.once('exception', resolve));
      socket.emit(type, { specversion: '1.0', type, source: 'test', id: 'e-1', data: {} });
      expect(await answer).toMatchObject({ code: 'UNKNOWN_EVENT', id: 'e-1' });
      expect((await client.request('demo.echo', 'after')).data).toBe('after');
    },
  );

  it('receives the code for a token that is too large, and closes after three', async () => {
    const { client, codes } = clientOf(() => 'x'.repeat(20_000));

    expect((await failureOf(client.connect())).code).toBe('MESSAGE_TOO_LARGE');
    expect(codes).toEqual(Array.from({ length: 3 }, () => 'MESSAGE_TOO_LARGE'));
  });

  it('does not take an exception of the application for a rejection', async () => {
    const { client, socket, codes } = clientOf();
    await client.connect();

    const answer = new Promise(resolve => socket.once('exception', resolve));
    socket.emit('plain.exception', { status: 'error', message: 'sold out' });
    expect(await answer).toEqual({ status: 'error', message: 'sold out' });
    expect((await client.request('demo.echo', 'after')).data).toBe('after');
    expect(codes).toEqual([]);
  });

  it('leaves other messages of the socket to the application', async () => {
    const { client, socket, codes } = clientOf();
    await client.connect();

    const answer = new Promise(resolve => socket.once('plain', resolve));
    socket.emit('plain', { a: 1 });
    expect(await answer).toEqual({ a: 1 });
    expect(codes).toEqual([]);
  });
});
