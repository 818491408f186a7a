import type { INestApplication, Type } from '@nestjs/common';
import { Global, Logger, Module } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { z } from 'zod';
import {
  EventData,
  EventMesh,
  Public,
  SecureGateway,
  type SemanticEvent,
  SemanticEventBody,
  SignedEvent,
  TicketService,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { blocksOf, PAGES } from '../helpers/code-blocks.js';
import { eventually } from '../helpers/eventually.js';
import { HeaderGuard } from '../helpers/http.js';
import {
  compatibleEvent,
  compatibleSignature,
  compatibleText,
} from '../helpers/integradio-peer.js';
import { freePort } from '../helpers/free-port.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { nameOf, run, take, taken } from '../helpers/run-block.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import { type Json, TestClient } from '../helpers/test-client.js';

/** What is on a page and run by nothing here, and why. */
const NOT_RUN: Record<string, string> = {
  'README.md: npm ci && npm start     # the quickstart: http://localhost:3000/, gateway at /events, in-memory stores':
    'npm ci would take away what this suite runs on; .ci/run does both, and lets a client try what was started',
  'README.md: npm ci && npm test      # everything, over real sockets': 'it is this very suite',
  'README.md: npm install nestjs-semantic-events @nestjs/websockets @nestjs/platform-ws @nestjs/jwt @nestjs/throttler':
    '.ci/matrix.js installs the packed library beside these, which no registry has yet',
  'README.md: npm install @nestjs/config zod    # only for the example below':
    'others’ packages; a ConfigService stands in for theirs below',
  'docs/socket-io.md: npm install nestjs-semantic-events @nestjs/websockets @nestjs/platform-socket.io @nestjs/jwt @nestjs/throttler':
    '.ci/matrix.js installs the packed library beside these, which no registry has yet',
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

/** As @nestjs/config has it. */
class ConfigService {
  getOrThrow(name: string): string {
    const value = { SIGNING_KEY: RING_KEY.secret, JWT_SECRET }[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  }
}

@Global()
@Module({ providers: [ConfigService], exports: [ConfigService] })
class ConfigModule {}

const ui = take('README.md', 'export class UiGateway');
const appModule = take('README.md', 'export class AppModule');
const main = take('README.md', 'await app.listen(3000)');
const testing = take('docs/testing.md', 'EventTestClient.login');
const client = take('README.md', 'new SemanticEventsClient');
const hints = take('docs/python-peers.md', '@Unverified()');
const greeter = take('README.md', 'export class Greeter');
const redis = take('README.md', 'redisStores');
const adapter = take('docs/migration.md', 'new SemanticEventsAdapter');
const before = take('docs/migration.md', '// before');
const auth = take('docs/migration.md', 'const auth: AuthOptions');
const onClick = take('docs/migration.md', 'onClick(');
const telemetry = take('docs/operating.md', 'openTelemetry()');
const instrumentation = take('docs/operating.md', 'PrometheusExporter');
const ioMain = take('docs/socket-io.md', 'new SemanticEventsIoAdapter');
const ioClient = take('docs/socket-io.md', "from 'socket.io-client'");
// By quickstart.production.spec.ts, as what nginx reads.
take('docs/operating.md', 'proxy_set_header');
// By commands.spec.ts.
take('README.md', 'npm run -s keygen');
take('README.md', 'npm run start:multi-node');

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

/** The application that the README builds up. */
async function readmeModule(): Promise<Type> {
  const { UiGateway } = await run(ui, { given: { Click } });
  const { AppModule } = await run(appModule, { given: { UiGateway, ConfigService } });
  @Module({ imports: [ConfigModule, AppModule] })
  class Root {}
  return Root;
}

const gatewayOf = (code: string) =>
  `@WebSocketGateway({ path: '/events' })\n@SecureGateway()\nexport class Shown {\nlogger = logger; users = users;\n${code}\n}`;

it('every block of the pages is run by something, or has a reason', () => {
  const all = PAGES.flatMap(blocksOf).map(nameOf);
  expect(all.filter(name => !taken.has(name)).sort()).toEqual(Object.keys(NOT_RUN).sort());
});

describe('the application of the README', () => {
  it('answers signed clicks of who has logged in, fifty a second, and nothing else', async () => {
    const AppModule = await readmeModule();
    const { app } = await run(main, {
      given: { AppModule },
      change: [['app.listen(3000)', "app.listen(0, '127.0.0.1')"]],
    });
    const port = portOf(closing(app));
    const origin = { Origin: 'https://evil.test' };
    expect((await (await RawPeer.connect(port)).handshake('/events', origin)).status).toBe(403);
    const stranger = await connect(port);
    stranger.emitUnsigned(CLICK, { data: { x: 1, y: 2 } });
    expect((await stranger.next()).code).toBe('UNAUTHENTICATED');
    expect((await stranger.closed).code).toBe(4401);

    const alice = await connect(port);
    const token = tokenFor('alice', { iss: 'https://id.myapp.com', aud: 'myapp' });
    expect((await alice.authenticate(token)).user_id).toBe('alice');
    alice.emit(CLICK, { x: 1, y: 2 });
    const { event } = await alice.next();
    expect(event).toMatchObject({ type: `${CLICK}.done`, data: { by: 'alice' } });
    expect(alice.verifies(event)).toBe(true);
    const unsigned = { ...alice.event(CLICK, { x: 1, y: 2 }), semanticsignature: '' };
    alice.sendJson({ type: 'event', event: unsigned });
    expect((await alice.next()).code).toBe('INVALID_SIGNATURE');
    alice.emit(CLICK, { x: 'far' });
    expect((await alice.next()).code).toBe('INVALID_EVENT');
    // More than a second's worth beyond the burst, as a slow machine takes a while for them.
    for (let click = 0; click < 190; click++) alice.emit(CLICK, { x: click, y: 2 });
    const codes = (await alice.take(190)).map(({ code }) => code as string | undefined);
    expect(codes).toContain('RATE_LIMITED');
    expect(codes.filter(code => code === undefined).length).toBeGreaterThanOrEqual(97);

    await app.close();
    expect(await alice.closed).toEqual({ code: 1001, reason: 'SERVER_SHUTDOWN' });
  });

  it('is tested as its page tests it', async () => {
    const AppModule = await readmeModule();
    const shown = await run(testing, { given: { AppModule } });
    closing(shown.app);
    await shown.client.close();
  });
});

describe('the client of the README', () => {
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
        show: (...values: unknown[]) => shown.push(values),
        // Of a page of the application, whose user is logged in.
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
    await eventually(() => shown.some(([text]) => text === 'hi'));
    // Once for the handler and once for the iteration, which begins last.
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

it('what an older Python peer leaves unsigned is offered beside the event, as its page shows', async () => {
  const said: unknown[] = [];
  const { Shown } = await run(hints, {
    given: { Click, logger: { debug: (tags: unknown) => said.push(tags) }, users: {} },
    within: gatewayOf,
  });
  const signing = { keys: [RING_KEY], accept: ['v1' as const, 'integradio' as const] };
  const app = await TestApp.start({ gateways: [Shown], options: { signing } });
  const peer = await app.login();
  const event = compatibleEvent('ui.click', { data: '{"x":1,"y":2}' });
  const semanticsignature = compatibleSignature(event);
  peer.socket.send(
    `{"type":"event","event":${compatibleText(event, { semanticsignature, semantictags: 'a,b' })}}`,
  );
  await eventually(() => said.length > 0);
  expect(said).toEqual(['a,b']);
});

it('the handler of the mesh that the README shows says its greeting', async () => {
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

describeWithRedis('the stores of the README', () => {
  it('hold across nodes: a ring-signed event that one has taken is a replay to the other', async () => {
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

describe('docs/migration.md', () => {
  it('has an adapter, from which on nobody reaches a handler without authentication', async () => {
    const AppModule = await readmeModule();
    const { app } = await run(adapter, { given: { AppModule } });
    await closing(app).listen(0, '127.0.0.1');
    const peer = await connect(portOf(app));
    peer.sendJson({ event: CLICK, data: 1 });
    expect((await peer.next()).data.code).toBe('UNAUTHENTICATED');
  });

  it('shows first what hand-written gateways do, and works', async () => {
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

  it('says what a token is, once', async () => {
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

it('with the two blocks of docs/operating.md Prometheus gets what is measured', async () => {
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

it('the application and the client of docs/socket-io.md meet', async () => {
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class Demo {
    @SubscribeMessage('demo.open')
    @Public()
    open(@MessageBody() data: unknown) {
      return { said: data };
    }
  }
  const AppModule = await readmeModule();
  @Module({ imports: [AppModule], providers: [Demo] })
  class Root {}
  const { app } = await run(ioMain, {
    given: { AppModule: Root },
    change: [['app.listen(3000)', "app.listen(0, '127.0.0.1')"]],
  });
  closing(app);
  const shown: unknown[][] = [];
  const { socket } = await run(ioClient, {
    given: {
      url: `http://127.0.0.1:${portOf(app)}`,
      getTicket: async () => app.get(TicketService).issue({ id: 'alice' }).ticket as string,
      show: (...values: unknown[]) => shown.push(values),
    },
    change: [["io('/'", 'io(url']],
  });
  expect(shown).toContainEqual(['authenticated', 'alice']);
  expect(shown).toContainEqual([{ said: 'hello' }]);
  socket.emit('nowhere');
  await eventually(() => shown.some(([code]) => code === 'UNKNOWN_EVENT'));
  socket.disconnect();
});
