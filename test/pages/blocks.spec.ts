import { createHmac, randomBytes } from 'node:crypto';
import type { CanActivate, DynamicModule, INestApplication, Type } from '@nestjs/common';
import { Logger, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { metrics } from '@opentelemetry/api';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { z } from 'zod';
import {
  EventData,
  EventMesh,
  EventSigner,
  Public,
  RateLimit,
  SecureGateway,
  SemanticEventsModule,
  type SemanticEvent,
  SemanticEventBody,
  SignedEvent,
  TicketService,
} from '../../lib/index.js';
import { SemanticEventsClient } from '../../lib/client/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { blocksOf, fileOf, PAGES } from '../helpers/code-blocks.js';
import { eventually } from '../helpers/eventually.js';
import { HeaderGuard } from '../helpers/http.js';
import {
  compatibleEvent,
  compatibleSignature,
  compatibleText,
} from '../helpers/integradio-peer.js';
import { freePort } from '../helpers/free-port.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { nameOf, run, take, taken } from '../helpers/run-block.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import { type Json, TestClient } from '../helpers/test-client.js';

/** The pages that show one project, file by file. */
const PROJECT = ['README.md', 'docs/getting-started.md'];

/** Blocks that nothing runs here, with the reason. */
const NOT_RUN: Record<string, string> = {
  'README.md: npm ci && npm start     # in a clone: the demo at http://localhost:3000/ (user alice, password demo)':
    'npm ci would take away what this suite runs on; .ci/run does both, and lets a client try what was started',
  'README.md: npm ci && npm test      # in a clone: all tests, over real sockets':
    'it is this very suite',
  'README.md: npm install nestjs-semantic-events @nestjs/websockets@12 @nestjs/jwt@12 ws zod    # Nest 12':
    'the matrix installs the packed library beside these, which no registry has yet',
  'README.md: npm install nestjs-semantic-events @nestjs/websockets@11 @nestjs/jwt@11 ws zod    # Nest 11':
    'the matrix installs the packed library beside these, which no registry has yet',
  'docs/guides/socket-io.md: npm install nestjs-semantic-events @nestjs/websockets@12 @nestjs/platform-socket.io@12 @nestjs/jwt@12    # Nest 12':
    'the matrix installs the packed library beside these, which no registry has yet',
  'docs/guides/socket-io.md: npm install nestjs-semantic-events @nestjs/websockets@11 @nestjs/platform-socket.io@11 @nestjs/jwt@11    # Nest 11':
    'the matrix installs the packed library beside these, which no registry has yet',
  'docs/guides/identity-providers.md: npm install jose@6':
    'this suite runs on the jose of the repository',
  ...Object.fromEntries(
    blocksOf('docs/benchmarks.md').map(block => [
      nameOf(block),
      'it measures for minutes; test/bench starts every comparison in a small form',
    ]),
  ),
};

const options = { signing: { keys: [RING_KEY] }, auth: { jwt: { secret: JWT_SECRET } } };
const Click = z.object({ x: z.number(), y: z.number() });
const CLICK = 'ui.interaction.click';

const testing = take('docs/guides/testing.md', 'new FakeClock()');
const pushed = take('docs/guides/testing.md', '.emitTo(');
const checklist = take('docs/guides/testing.md', 'SecurityAudit');
const client = take('docs/guides/client.md', 'new SemanticEventsClient<Events>');
const nativeClient = take('docs/guides/client.md', 'AppState.addEventListener');
const ticketGuard = take('docs/guides/tickets.md', 'class MyHttpGuard');
const logOut = take('docs/guides/tickets.md', 'class LogOutController');
const ticketClient = take('docs/guides/tickets.md', 'new SemanticEventsClient');
const adminGuard = take('docs/guides/devtools.md', 'class AdminGuard');
const devtools = take('docs/guides/devtools.md', 'devtools: {');
const schemas = take('docs/guides/client.md', 'EventsOf<typeof EVENTS>');
const hints = take('docs/guides/integradio.md', '@Unverified()');
const greeter = take('docs/guides/mesh.md', 'export class Greeter');
const orders = take('docs/guides/mesh.md', 'export class Orders');
const invoices = take('docs/guides/mesh.md', 'export class Invoices');
const rooms = take('docs/guides/mesh.md', 'export class RoomGateway');
const roomsModule = take('docs/guides/mesh.md', "presence: ['lobby']");
const roomsClient = take('docs/guides/mesh.md', "client.request('room.join'");
const redis = take('docs/redis.md', 'redisStores');
const adapter = take('docs/guides/migration.md', 'new SemanticEventsAdapter');
const before = take('docs/guides/migration.md', '// before');
const auth = take('docs/guides/migration.md', 'const auth: AuthOptions');
const onClick = take('docs/guides/migration.md', 'onClick(');
const telemetry = take('docs/operating.md', 'openTelemetry()');
const instrumentation = take('docs/operating.md', 'PrometheusExporter');
const ioMain = take('docs/guides/socket-io.md', 'new SemanticEventsIoAdapter');
const ioSigning = take('docs/guides/socket-io.md', 'overSocketIo(socket)');
const ioClient = take('docs/guides/socket-io.md', 'auth: answer');
// These are run by recipes.spec.ts.
for (const name of ['auth0.com', 'keycloak', 'cognito', 'microsoftonline', 'clerk.example'])
  take('docs/guides/identity-providers.md', name);
for (const name of ['/etc/signing-keys', 'VAULT_ADDR', 'signEvent('])
  take('docs/guides/keys.md', name);
// These are run by guides.spec.ts.
for (const [page, ...texts] of [
  ['guides/authentication', 'validateToken', 'newSession', 'class LoginController'],
  ['guides/validation', "from 'zod'", "from 'valibot'", 'class TransferDto'],
  ['guides/errors', 'class StockGateway', 'function reserve'],
  ['guides/global-guards', 'class HttpAuthGuard', 'class AppModule', 'class ThrottlingModule'],
  ['operating', 'kind: Deployment', 'kind: Ingress', 'class HealthModule'],
])
  for (const text of texts) take(`docs/${page}.md`, text);
// This is run by test/interop/python-client.spec.ts.
take('docs/guides/other-languages.md', '# client.py');
// These are run by quickstart.production.spec.ts, as configurations of proxies.
for (const text of ['proxy_set_header', 'default_backend', 'reverse_proxy'])
  take('docs/operating.md', text);
// These are run by commands.spec.ts.
take('docs/redis.md', 'npm run start:multi-node');

const apps: INestApplication[] = [];
const clients: TestClient[] = [];
const closing = (app: INestApplication) => {
  apps.push(app);
  return app;
};
const portOf = (app: INestApplication) => (app.getHttpServer().address() as { port: number }).port;
const connect = async (port: number, path = '/events') => {
  const connected = await TestClient.connect(`ws://127.0.0.1:${port}${path}`);
  clients.push(connected);
  return connected;
};

beforeAll(() => {
  Logger.overrideLogger(false);
});

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate();
  await Promise.all(apps.splice(0).map(async app => app.close()));
});

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class UiGateway {
  @SubscribeMessage(CLICK)
  @SignedEvent()
  onClick(@EventData(Click) click: z.infer<typeof Click>) {
    return click.x;
  }
}

/** Creates an application like a reader's. */
@Module({ imports: [SemanticEventsModule.forRoot(options)], providers: [UiGateway] })
class AppModule {}

const gatewayOf = (code: string) =>
  `@WebSocketGateway({ path: '/events' })\n@SecureGateway()\nexport class Shown {\nlogger = logger; users = users;\n${code}\n}`;

it('every block of the pages is run or has a reason', () => {
  const all = PAGES.flatMap(blocksOf)
    // getting-started.spec.ts runs the project that two pages show, and diagrams.spec.ts parses diagrams.
    .filter(block => !PROJECT.includes(block.page) || fileOf(block) === undefined)
    .filter(({ language }) => language !== 'mermaid')
    .map(nameOf);
  const runHere = all.filter(name => !taken.has(name));
  expect(runHere.sort()).toEqual(Object.keys(NOT_RUN).sort());
});

it('the documented tests run', async () => {
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class OrderGateway {
    @SubscribeMessage('order.place')
    @SignedEvent()
    place(@EventData(z.object({ amount: z.number().positive() })) order: unknown) {
      return order;
    }
  }
  @Module({ imports: [SemanticEventsModule.forRoot(options)], providers: [OrderGateway] })
  class OrderModule {}
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  @RateLimit({ rate: 5 })
  class LimitedGateway extends OrderGateway {}
  const production = SemanticEventsModule.forRoot({
    signing: { keys: [{ id: 'key-1', secret: EventSigner.generateKey() }] },
    auth: {
      jwt: { secret: EventSigner.generateKey(), issuer: 'my-app', audience: 'my-app' },
    },
    connection: { trustProxy: '127.0.0.1', origins: ['https://myapp.com'] },
  });
  @Module({ imports: [production], providers: [LimitedGateway] })
  class ProductionModule {}
  let body: (() => Promise<void>) | undefined;
  const it = (_title: string, shown: () => Promise<void>) => (body = shown);
  const environment = { ...process.env };
  try {
    for (const [block, AppModule] of [
      [testing, OrderModule],
      [pushed, OrderModule],
      // Sets NODE_ENV.
      [checklist, ProductionModule],
    ] as const) {
      body = undefined;
      await run(block, { given: { AppModule, it } });
      expect(body).toBeDefined();
      await body!();
    }
  } finally {
    process.env = environment;
  }
});

describe('the documented client', () => {
  const { WebSocket: native } = globalThis;

  beforeAll(() => {
    globalThis.WebSocket = WebSocket as unknown as typeof native;
  });

  afterAll(() => {
    globalThis.WebSocket = native;
  });

  it('requests, subscribes, emits and iterates, until it is closed', async () => {
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Demo {
      constructor(private readonly mesh: EventMesh) {}

      @SubscribeMessage('demo.echo')
      @SignedEvent()
      echo(@EventData() data: unknown) {
        return data;
      }

      @SubscribeMessage('chat.message')
      @SignedEvent()
      async chat(@SemanticEventBody() { type, data }: SemanticEvent) {
        await this.mesh.emit(type, data);
      }
    }
    const ticketRoute = { guard: HeaderGuard };
    const app = await TestApp.start({
      gateways: [Demo],
      providers: [HeaderGuard],
      options: { auth: { ...options.auth, ticketRoute }, mesh: { allow: ['chat.*'] } },
    });
    const shown: unknown[][] = [];
    let itself: { state: string; close(): void } | undefined;
    const ended = run(client, {
      given: {
        keep: (made: typeof itself) => (itself = made),
        url: `ws://127.0.0.1:${app.port}/events`,
        console: { ...console, log: (...values: unknown[]) => shown.push(values) },
        // Part of the application's page, whose user is logged in.
        fetch: (path: string, init: RequestInit) =>
          fetch(`http://127.0.0.1:${app.port}${path}`, { ...init, headers: { 'x-user': 'alice' } }),
      },
      change: [
        ["url: '/events'", 'url'],
        ["client.on('state'", "keep(client);\nclient.on('state'"],
      ],
    });
    const texts = () => shown.filter(([text]) => text === 'later').length;
    const mesh = app.nest.get(EventMesh);
    await Promise.race([eventually(() => shown.some(([text]) => text === 'hi')), ended]);
    // Once for the handler and once for the iteration, which starts last.
    while (texts() < 2) {
      await mesh.emit('chat.message', { text: 'later' });
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    itself!.close();
    const { data, stop } = await ended;
    expect(data).toBe('hello');
    stop();
    expect(shown.map(([state]) => state)).toEqual(
      expect.arrayContaining(['connecting', 'connected', 'closed']),
    );
  });
});

it('the documented client of React Native connects, and watches the app until it is closed', async () => {
  const app = await TestApp.start({ gateways: [DemoGateway] });
  let listening = 0;
  const { client: native } = await run(nativeClient, {
    given: {
      hmac: (_hash: unknown, key: Uint8Array, message: Uint8Array) =>
        createHmac('sha256', key).update(message).digest(),
      sha256: {},
      getRandomBytes: randomBytes,
      AppState: {
        addEventListener: () => {
          listening++;
          return { remove: () => listening-- };
        },
      },
      getTicket: async () => tokenFor('alice'),
      WebSocket,
    },
    change: [
      ["import { hmac } from '@noble/hashes/hmac.js';\n", ''],
      ["import { sha256 } from '@noble/hashes/sha2.js';\n", ''],
      ["import { getRandomBytes } from 'expo-crypto';\n", ''],
      ["import { SemanticEventsClient } from 'nestjs-semantic-events-client';\n", ''],
      ["import { AppState } from 'react-native';\n", ''],
      [
        "url: 'wss://api.example.com/events'",
        `WebSocket, url: 'ws://127.0.0.1:${app.port}/events'`,
      ],
    ],
  });
  const connected = native as SemanticEventsClient;
  expect(await connected.connect()).toMatchObject({ userId: 'alice' });
  expect((await connected.request('demo.echo', 'hi')).data).toBe('hi');
  expect(listening).toBe(1);
  connected.close();
  expect(listening).toBe(0);
});

it('unsigned attributes of older Python clients are available next to the event', async () => {
  const said: unknown[] = [];
  const { ClickGateway } = await run(hints, {
    given: { note: (text: string) => said.push(text) },
    change: [['this.logger.debug(', 'note(']],
  });
  const signing = { keys: [RING_KEY], accept: ['v1' as const, 'integradio' as const] };
  const app = await TestApp.start({ gateways: [ClickGateway], options: { signing } });
  const peer = await app.login();
  const event = compatibleEvent('ui.click', { data: '{"x":1,"y":2}' });
  const semanticsignature = compatibleSignature(event);
  peer.socket.send(
    `{"type":"event","event":${compatibleText(event, { semanticsignature, semantictags: 'a,b' })}}`,
  );
  await eventually(() => said.length > 0);
  expect(said).toEqual(['1, 2: a,b']);
});

it('the schemas of the client page validate the data of a handler', async () => {
  const shown = await run(schemas);
  const EVENTS = shown.EVENTS as Record<'order.place' | 'order.place.reply', z.ZodType>;
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class OrderGateway {
    @SubscribeMessage('order.place')
    @SignedEvent()
    place(@EventData(EVENTS['order.place']) { items }: { items: string[] }) {
      return { id: items.join() };
    }
  }
  const peer = await (await TestApp.start({ gateways: [OrderGateway] })).login();
  peer.emit('order.place', { items: [1] });
  expect(await peer.next()).toMatchObject({ code: 'INVALID_EVENT' });
  peer.emit('order.place', { items: ['book'] });
  const { data } = (await peer.next()).event as Json;
  expect(EVENTS['order.place.reply'].parse(data)).toEqual({ id: 'book' });
});

it('the mesh handler of the README publishes its greeting', async () => {
  const { Greeter } = await run(greeter);
  const app = await TestApp.start({ gateways: [], providers: [Greeter] });
  const mesh = app.nest.get(EventMesh);
  const greetings: unknown[] = [];
  mesh.subscribe('greeting.said', ({ data }) => {
    greetings.push(data);
  });
  await mesh.emit('chat.message', { text: 'good bye' }, { subject: 'carol' });
  await mesh.emit('chat.message', { text: 'hello' }, { subject: 'bob' });
  await eventually(() => greetings.length > 0);
  expect(greetings).toEqual([{ to: 'bob' }]);
});

it('the provider that addresses an event to one user reaches that user only', async () => {
  const { Orders } = await run(orders);
  const app = await TestApp.start({ gateways: [DemoGateway], providers: [Orders] });
  const [bob, eve] = [await app.login('bob'), await app.login('*')];
  for (const each of [bob, eve]) {
    each.sendJson({ type: 'subscribe', patterns: ['order.*'], scope: 'own' });
    await each.next();
  }
  await app.nest
    .get<{ shipped(order: { id: string; userId: string }): Promise<void> }>(Orders)
    .shipped({ id: '7', userId: 'bob' });
  expect((await bob.next()).event).toMatchObject({ type: 'order.shipped', data: { id: '7' } });
  eve.sendJson({ type: 'ping' });
  expect((await eve.next()).type).toBe('pong');
});

it('the handler with delivery once publishes a dead letter after its retries', async () => {
  let calls = 0;
  const sendInvoice = async (order: string) => {
    if (order === 'bad' && calls++ < 10) throw new Error('the printer is on fire');
  };
  const { Invoices } = await run(invoices, { given: { sendInvoice } });
  const app = await TestApp.start({ gateways: [], providers: [Invoices] });
  const mesh = app.nest.get(EventMesh);
  const dead: unknown[] = [];
  mesh.subscribe('failed.*', ({ data }) => dead.push(data));
  await mesh.emit('order.paid', { order: 'good' });
  await mesh.emit('order.paid', { order: 'bad' });
  await eventually(() => dead.length > 0);
  expect(calls).toBe(4);
  expect(dead).toEqual([
    { handler: 'Invoices.create', event: expect.objectContaining({ data: { order: 'bad' } }) },
  ]);
});

it('the rooms gateway reports to members who has joined, if its authorizer allows the room', async () => {
  const { RoomGateway, RoomAuthorizer } = await run(rooms);
  const { module } = await run(roomsModule, {
    given: { options, RoomAuthorizer },
    within: code => `const module = ${code}`,
  });
  const app = await TestApp.start({
    gateways: [RoomGateway],
    module: module as DynamicModule,
  });
  const bob = await app.login('bob');
  bob.emit('room.join', 'secret');
  expect((await bob.next()).code).toBe('FORBIDDEN');

  const shown: unknown[][] = [];
  const client = new SemanticEventsClient({
    url: `ws://127.0.0.1:${app.port}/events`,
    getToken: () => tokenFor('alice'),
    WebSocket: WebSocket,
  });
  const present: unknown[] = [];
  client.subscribe('presence.*', ({ data }) => present.push(data), { scope: 'own' });
  await client.connect();
  await run(roomsClient, { given: { client, show: (...values: unknown[]) => shown.push(values) } });
  expect(shown).toEqual([['room.joined', { user: 'alice' }]]);
  await eventually(() => present.length > 0);
  expect(present).toEqual([{ room: 'lobby', user: 'alice' }]);
  client.close();
});

describeWithRedis('the stores of the README', () => {
  it('work across nodes: a ring-signed event accepted by one node is a replay for the other', async () => {
    const server = await RedisServer.start();
    try {
      @WebSocketGateway({ path: '/events' })
      @SecureGateway()
      class Echo {
        @SubscribeMessage('echo')
        @SignedEvent()
        echo(@EventData() data: unknown) {
          return data;
        }
      }
      const start = async () => {
        const { module } = await run(redis, {
          given: { options },
          change: [['redis://…', server.url]],
          within: code => `const module = ${code}`,
        });
        return TestApp.start({ gateways: [Echo], module });
      };
      const nodes = [await start(), await start()];
      const key = Buffer.from(RING_KEY.secret).toString('base64url');
      const answers: Json[] = [];
      let event: Json | undefined;
      for (const node of nodes) {
        const peer = await node.login();
        peer.signing = { key_id: RING_KEY.id, key };
        event ??= peer.event('echo', 1);
        peer.sendJson({ type: 'event', event });
        answers.push(await peer.next());
        await node.stop();
      }
      expect(answers[0]!.event.data).toBe(1);
      expect(answers[1]!.code).toBe('REPLAY_DETECTED');
    } finally {
      await server.close();
    }
  });
});

describe('docs/guides/tickets.md', () => {
  it('has a guard that gives tickets until the user logs out, and a client that retries only what may pass', async () => {
    const { MyHttpGuard } = await run(ticketGuard);
    const { LogOutController } = await run(logOut, { given: { MyHttpGuard } });
    const jwt = JwtModule.register({ global: true, secret: JWT_SECRET });
    class Routes {}
    const app = await TestApp.start({
      gateways: [DemoGateway],
      imports: [jwt, { module: Routes, controllers: [LogOutController as Type] }],
      options: {
        auth: {
          jwt: { secret: JWT_SECRET },
          ticketRoute: { guard: MyHttpGuard as Type<CanActivate> },
        },
      },
    });
    const request = (token?: string, path = '/auth/ticket') =>
      fetch(`http://127.0.0.1:${app.port}${path}`, {
        method: 'POST',
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
    const claims = { iss: 'my-app', aud: 'my-app', jti: 'session-1' };
    const token = tokenFor('alice', claims);
    expect((await request()).status).toBe(401);
    expect((await request(tokenFor('alice'))).status).toBe(401);
    let isOverloaded = true;
    const reader: Parameters<typeof run>[1] = {
      given: {
        accessToken: token,
        fetch: async (path: string, init: RequestInit) =>
          isOverloaded
            ? new Response(null, { status: 503 })
            : fetch(`http://127.0.0.1:${app.port}${path}`, init),
        WebSocket,
      },
      change: [["url: '/events'", `WebSocket, url: 'ws://127.0.0.1:${app.port}/events'`]],
    };
    const shown = await run(ticketClient, reader);
    const client = shown.client as SemanticEventsClient;
    const codes: string[] = [];
    client.on('error', ({ code }) => {
      codes.push(code);
      isOverloaded = false;
    });
    expect(await client.connect()).toMatchObject({ userId: 'alice' });
    expect(codes).toEqual(['TOKEN_FAILED']);
    client.close();

    const peer = await app.connect();
    await peer.authenticate(token);
    expect(await (await request(token, '/logout')).json()).toEqual({ closed: 1 });
    expect(await peer.closed).toMatchObject({ code: 4403 });
    expect((await request(token)).status).toBe(403);

    const nameless = tokenFor('bob', { iss: 'my-app', aud: 'my-app' });
    expect(await (await request(nameless, '/logout')).json()).toEqual({ closed: 0 });
    expect((await request(nameless)).status).toBe(403);
    const later = (await run(ticketClient, reader)).client as SemanticEventsClient;
    later.on('error', () => undefined);
    await expect(later.connect()).rejects.toMatchObject({ code: 'NO_TOKEN' });
  });
});

describe('docs/guides/devtools.md', () => {
  it('lets administrators, and no other user, list connections', async () => {
    const { AdminGuard } = await run(adminGuard);
    const { module } = await run(devtools, {
      given: { options, AdminGuard },
      within: code => `const module = ${code}`,
    });
    const roles: string[] = [];
    const app = await TestApp.start({
      gateways: [DemoGateway],
      module: module as DynamicModule,
      prepare: nest =>
        nest.use((request: Json, _response: unknown, next: () => void) => {
          request.user = { roles };
          next();
        }),
    });
    await app.login('alice');
    const list = () => fetch(`http://127.0.0.1:${app.port}/semantic-events/connections`);
    expect((await list()).status).toBe(403);
    roles.push('admin');
    expect(await (await list()).json()).toMatchObject({ connections: [{ user: 'alice' }] });
  });
});

describe('docs/guides/migration.md', () => {
  it('has an adapter that stops unauthenticated clients from reaching handlers', async () => {
    const { app } = await run(adapter, { given: { AppModule } });
    await closing(app).listen(0, '127.0.0.1');
    const peer = await connect(portOf(app));
    peer.sendJson({ event: CLICK, data: 1 });
    expect((await peer.next()).data.code).toBe('UNAUTHENTICATED');
  });

  it('shows the original hand-written gateways, which work', async () => {
    const users = {
      byToken: (token: string) => Promise.resolve(token === 'good' ? { id: 'a', roles: [] } : null),
    };
    const { Shown } = await run(before, { given: { users, logger: {} }, within: gatewayOf });
    const app = await TestApp.start({ gateways: [Shown], adapter: WsAdapter });
    expect(await (await app.connect('/events?token=bad')).closed).toMatchObject({ code: 4401 });
    const stays = await app.connect('/events?token=good');
    expect(await stays.settled()).toEqual([]);
    expect(stays.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('configures token validation in one place', async () => {
    const users = {
      byToken: (token: string) => Promise.resolve(token === 'good' ? { id: 'a', roles: [] } : null),
    };
    const shown = await run(auth, { given: { users } });
    const { Shown } = await run(onClick, {
      given: { Click, logger: {}, users },
      within: gatewayOf,
    });
    const app = await TestApp.start({ gateways: [Shown], options: { auth: shown.auth } });
    expect((await (await app.connect()).authenticate('bad')).code).toBe('AUTH_FAILED');
    expect((await (await app.connect()).authenticate('good')).user_id).toBe('a');
  });

  it('has handlers that serve Nest’s own frame as well', async () => {
    const { Shown } = await run(onClick, {
      given: { Click, logger: {}, users: {} },
      within: gatewayOf,
    });
    const peer = await (await TestApp.start({ gateways: [Shown] })).login();
    const event = peer.event(CLICK, { x: 7, y: 2 });
    peer.sendJson({ event: CLICK, data: event });
    expect(await peer.next()).toMatchObject({ event: `${CLICK}.done`, data: { data: 7 } });
    peer.emit(CLICK, { x: 8, y: 2 });
    expect((await peer.next()).event).toMatchObject({ type: `${CLICK}.done`, data: 8 });
  });
});

it('the two blocks of docs/operating.md export metrics to Prometheus', async () => {
  const port = await freePort();
  await run(instrumentation, {
    change: [["host: '127.0.0.1'", `host: '127.0.0.1', port: ${port}`]],
  });
  try {
    const { module } = await run(telemetry, {
      given: { options },
      within: code => code.replace('SemanticEventsModule.forRoot', 'const module = $&'),
    });
    const app = await TestApp.start({ gateways: [DemoGateway], module });
    await app.login();
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain('semantic_events_connection_count');
    expect(text).toContain('semantic_events_authentication_duration_count');
  } finally {
    await (metrics.getMeterProvider() as MeterProvider).shutdown();
    metrics.disable();
  }
});

it('the application and both clients of docs/guides/socket-io.md work together', async () => {
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class Demo {
    @SubscribeMessage('demo.open')
    @Public()
    open(@MessageBody() data: unknown) {
      return { said: data };
    }

    @SubscribeMessage('order.place')
    @SignedEvent()
    place(@EventData(z.object({ item: z.string() })) { item }: { item: string }) {
      return { placed: item };
    }
  }
  @Module({ imports: [AppModule], providers: [Demo] })
  class Root {}
  const app = await new Promise<INestApplication>(started => {
    void run(ioMain, {
      given: { AppModule: Root, started },
      change: [['app.listen(3000);', "app.listen(0, '127.0.0.1');\nstarted(app);"]],
    });
  });
  closing(app);
  const shown: unknown[][] = [];
  const reader = {
    given: {
      url: `http://127.0.0.1:${portOf(app)}`,
      getTicket: async () => app.get(TicketService).issue({ id: 'alice' }).ticket,
      console: { log: (...values: unknown[]) => shown.push(values) },
    },
    change: [["io('/'", 'io(url']] as [string, string][],
  };
  const signing = await run(ioSigning, reader);
  (signing.client as SemanticEventsClient).close();
  expect(shown).toContainEqual([{ placed: 'book' }]);

  const { socket } = await run(ioClient, reader);
  expect(shown).toContainEqual(['authenticated', 'alice']);
  expect(shown).toContainEqual([{ said: 'hello' }]);
  socket.emit('nowhere');
  await eventually(() => shown.some(([code]) => code === 'UNKNOWN_EVENT'));
  socket.emit('order.place', { item: 'book' });
  await eventually(() => shown.some(([code]) => code === 'INVALID_EVENT'));
  socket.disconnect();
});
