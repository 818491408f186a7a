import type { AddressInfo } from 'node:net';
import type {
  DynamicModule,
  INestApplication,
  NestApplicationOptions,
  ModuleMetadata,
  Type,
  WebSocketAdapter,
} from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { JwtService } from '@nestjs/jwt';
import { Test } from '@nestjs/testing';
import {
  type Clock as ClockPort,
  Clock,
  SemanticEventsAdapter,
  SemanticEventsModule,
  type SemanticEventsModuleExtras,
  type SemanticEventsModuleOptions,
} from '../../lib/index.js';
// Its peers never answer a close frame. They hang up before the application stops, which would wait for them.
import './raw-peer.js';
import { TestClient } from './test-client.js';

export const RING_KEY = { id: 'main', secret: 'ring-secret-ring-secret-ring-secret!' };
export const JWT_SECRET = 'jwt-secret-jwt-secret-jwt-secret-jwt!';

export interface TestAppOptions {
  gateways: Type[];
  options?: Partial<SemanticEventsModuleOptions> & Pick<SemanticEventsModuleExtras, 'devtools'>;
  clock?: ClockPort;
  providers?: ModuleMetadata['providers'];
  imports?: ModuleMetadata['imports'];
  /** Replaces `SemanticEventsModule.forRoot`. */
  module?: DynamicModule;
  /** The HTTP platform. @default Express */
  http?: AbstractHttpAdapter;
  /** @default SemanticEventsAdapter */
  adapter?: new (app: INestApplication) => WebSocketAdapter;
  /** Options for `NestFactory.create`. */
  application?: NestApplicationOptions;
  /** Runs before the application starts. */
  prepare?: (app: INestApplication) => void;
}

/** Options of a connection. `port` is for gateways with a port of their own. */
type ConnectOptions = Parameters<typeof TestClient.connect>[1] & { port?: number };

/** A real application on its own port. */
export class TestApp {
  private readonly clients: TestClient[] = [];

  private constructor(
    readonly nest: INestApplication,
    readonly port: number,
  ) {}

  static async start(setup: TestAppOptions): Promise<TestApp> {
    const builder = Test.createTestingModule({
      imports: [
        setup.module ??
          SemanticEventsModule.forRoot({
            signing: { keys: [RING_KEY] },
            auth: { jwt: { secret: JWT_SECRET } },
            ...setup.options,
          }),
        ...(setup.imports ?? []),
      ],
      providers: [...setup.gateways, ...(setup.providers ?? [])],
    });
    if (setup.clock) builder.overrideProvider(Clock).useValue(setup.clock);
    const module = await builder.compile();
    const quiet: NestApplicationOptions = { logger: false, ...setup.application };
    const app = setup.http
      ? module.createNestApplication(setup.http, quiet)
      : module.createNestApplication(quiet);
    app.useWebSocketAdapter(new (setup.adapter ?? SemanticEventsAdapter)(app));
    setup.prepare?.(app);
    try {
      await app.listen(0, '127.0.0.1');
    } catch (error) {
      // An application that refuses to start may listen already.
      await app.close();
      throw error;
    }
    const { port } = app.getHttpServer().address() as AddressInfo;
    return track(new TestApp(app, port));
  }

  async connect(
    path = '/events',
    { port = this.port, ...options }: ConnectOptions = {},
  ): Promise<TestClient> {
    const client = await TestClient.connect(`ws://127.0.0.1:${port}${path}`, options);
    this.clients.push(client);
    return client;
  }

  /** Connects and authenticates as a user. */
  async login(user = 'alice', path = '/events', options: ConnectOptions = {}): Promise<TestClient> {
    const client = await this.connect(path, options);
    const answer = await client.authenticate(tokenFor(user));
    if (answer.type !== 'auth_success')
      throw new Error(`not authenticated: ${JSON.stringify(answer)}`);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.terminate();
    await this.nest.close();
  }
}

/** Creates an access token. Claims with the value undefined are omitted. */
export function tokenFor(user: string, claims: Record<string, unknown> = {}): string {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return new JwtService({}).sign(
    JSON.parse(JSON.stringify({ sub: user, exp, ...claims })) as object,
    {
      secret: JWT_SECRET,
    },
  );
}

const running: TestApp[] = [];

function track(app: TestApp): TestApp {
  running.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(app => app.stop()));
});
