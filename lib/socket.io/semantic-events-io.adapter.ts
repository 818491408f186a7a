import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { WebSocket } from 'ws';
import {
  type Admission,
  answerTo,
  bindConnection,
  type ConnectionServices,
  type Endpoint,
  type FrameBuckets,
  frameBuckets,
  handshakeOf,
  type HandshakeRefusal,
  HttpServerGuard,
  normalizePath,
  refuseUpgrade,
  servicesOf,
  WS_BOUNDS,
} from '../adapter/index.js';
import { bindClient, Client } from '../connection/index.js';
import { logUnexpected, type MessageHandler } from '../monitoring/index.js';
import {
  type Code,
  describeRefusal,
  RefusalError,
  type RefusalDetails,
} from '../protocol/index.js';
import { IoConnection } from './io-connection.js';
import { type IoHandler, IoPeer } from './io-peer.js';
import type {
  EngineConnection,
  IoHandlers,
  IoNamespace,
  IoOptions,
  IoServer,
  IoSocket,
  Transform,
} from './io-types.js';
import { PollingLifetime } from './polling-lifetime.js';
import { assertServerOptions, pathOf, serverOptions } from './server-options.js';
import { guardWebSockets, hasWebSocket, webSocketOf } from './web-socket-engine.js';

type AllowRequest = NonNullable<IoOptions['allowRequest']>;

/** A request as Engine.IO has it: with a response where it is no upgrade. */
type EngineRequest = IncomingMessage & { res?: ServerResponse; _query?: { sid?: string } };

/**
 * Does for gateways of Socket.IO what SemanticEventsAdapter does for those of ws. Install it before the application
 * starts: `app.useWebSocketAdapter(new SemanticEventsIoAdapter(app))`.
 *
 * @throws SemanticEventsConfigError when SemanticEventsModule is not imported, or, at the start of the application,
 *   when a gateway asks for what cannot be made safe
 */
export class SemanticEventsIoAdapter extends IoAdapter {
  private readonly services: ConnectionServices;
  private readonly httpGuard: HttpServerGuard;
  private readonly buckets: FrameBuckets;
  private readonly watched = new WeakSet<Server>();
  private readonly admissions = new WeakMap<IncomingMessage, Admission>();
  private readonly lifetimes = new WeakMap<IncomingMessage, PollingLifetime>();
  private readonly connections = new Map<EngineConnection, IoConnection>();
  /** Those of connections that are over included, until they are closed. */
  private readonly webSockets = new Set<WebSocket>();
  private readonly endpoints = new WeakMap<IoServer, Endpoint>();
  private readonly guarded = new WeakSet<IoNamespace>();
  private readonly peers = new WeakMap<IoSocket, IoPeer>();

  constructor(app: INestApplicationContext) {
    super(app);
    this.services = servicesOf(app, SemanticEventsIoAdapter.name);
    const { clock, options } = this.services;
    this.httpGuard = new HttpServerGuard(options.auth.timeout, () => clock.monotonic());
    this.buckets = frameBuckets(options.connection);
  }

  override create(...args: Parameters<IoAdapter['create']>): ReturnType<IoAdapter['create']> {
    const server = super.create(...args);
    // A namespace that stands for many hands on to them what it is given first.
    if ('adapter' in server && typeof server.adapter !== 'function')
      this.guardNamespace(server as IoNamespace);
    return server;
  }

  override createIOServer(port: number, given?: IoOptions): IoServer {
    const { services } = this;
    services.serve();
    const { connection, auth } = services.options;
    const endpoint = { port, path: normalizePath(given?.path) };
    const { origins, maxMessageSize } = services.catalog.connectionOptionsAt(endpoint);
    assertServerOptions(pathOf(endpoint), given);
    const options = {
      ...serverOptions(given, connection, { authTimeout: auth.timeout, maxMessageSize }),
      allowRequest: this.allowing(origins, endpoint, given?.allowRequest),
    };
    const server = super.createIOServer(port, options as IoOptions);
    const { engine } = server;
    this.endpoints.set(server, endpoint);
    guardWebSockets(
      engine,
      {
        ...WS_BOUNDS,
        closeTimeout: connection.closeTimeout,
        // Pings are charged like anything else before they are answered.
        autoPong: false,
      },
      connection.maxBufferedBytes,
    );
    engine.use((request: EngineRequest, _response: unknown, next: (error?: Error) => void) => {
      this.httpGuard.heard(request.socket);
      // Only who polls goes on with a session by requests: the place of a WebSocket is that of its connection, and
      // another one would be uncounted.
      const isTaken = hasWebSocket(engine, request._query?.sid);
      next(isTaken ? new Error('the session has a WebSocket') : undefined);
    });
    engine.on('connection', (conn: EngineConnection) => {
      this.accept(conn, endpoint);
    });
    this.watch(server.httpServer as Server);
    this.guardNamespace(server.sockets);
    server.on('new_namespace', namespace => {
      this.guardNamespace(namespace);
    });
    return server;
  }

  override bindMessageHandlers(socket: IoSocket, handlers: IoHandlers, transform: Transform): void {
    const peer = this.peers.get(socket);
    const endpoint = this.endpoints.get(socket.nsp.server);
    if (!peer || !endpoint) return;
    const { catalog, telemetry } = this.services;
    const { publicMessages } = catalog.factsOf(
      { ...endpoint, namespace: socket.nsp.name },
      handlers.map(({ message }) => String(message)),
    );
    for (const { message, callback, isAckHandledManually = false } of handlers) {
      const name = String(message);
      const handler = {
        callback: telemetry.handled(
          name,
          callback as MessageHandler,
        ) as unknown as IoHandler['callback'],
        isPublic: publicMessages.has(name),
        isAckHandled: isAckHandledManually,
      };
      peer.bind(name, handler, transform, payload => {
        return this.mapPayload(payload) as { data: unknown; ack?: (answer: unknown) => void };
      });
    }
  }

  override async close(server: IoServer): Promise<void> {
    this.services.handshakes.close();
    await Promise.all(Array.from(this.connections.values(), connection => connection.shutDown()));
    // Those who do not answer our close frame hold up nothing.
    for (const socket of this.webSockets) socket.terminate();
    this.httpGuard.shutDown(this.services.options.connection.shutdownTimeout);
    await super.close(server);
  }

  private watch(server: Server): void {
    if (this.watched.has(server)) return;
    this.watched.add(server);
    // Which upgrades are an engine's is for the engine to say.
    this.httpGuard.watch(server, () => undefined);
  }

  private allowing(
    origins: readonly string[],
    endpoint: Endpoint,
    given: AllowRequest | undefined,
  ): AllowRequest {
    const { handshakes, logger } = this.services;
    return (request: EngineRequest, answer) => {
      const polling = request.res && new PollingLifetime(request.res);
      // Whose request is gone has no place any more: nobody would count a session of his.
      const proceed: typeof answer = (message, isAllowed) => {
        if (!polling?.destroyed) answer(message, isAllowed);
      };
      handshakes
        .admit(request, { origins }, polling)
        .then(result => {
          if (!('slot' in result)) {
            this.refuse(request, result, endpoint);
            return;
          }
          this.admissions.set(request, result);
          if (polling) this.lifetimes.set(request, polling);
          if (given) given(request, proceed);
          else proceed(null, true);
        })
        .catch((error: unknown) => {
          if (!(error instanceof RefusalError)) logUnexpected(logger, error);
          this.refuse(request, { code: 'SERVER_FULL' }, endpoint);
        });
    };
  }

  /** Engine.IO knows no status but 400 and 403, so that it is not asked. */
  private refuse(request: EngineRequest, refusal: HandshakeRefusal, endpoint: Endpoint): void {
    const { events, handshakes } = this.services;
    const address = handshakes.addressOf(request);
    events.handshakeRefused(address, refusal.code, pathOf(endpoint), request.headers.origin);
    if (request.res) {
      const { status, headers, body } = answerTo(refusal);
      request.res.writeHead(status, headers).end(body);
    } else refuseUpgrade(request.socket, refusal);
  }

  private accept(conn: EngineConnection, endpoint: Endpoint): void {
    const { request } = conn;
    const admission = this.admissions.get(request);
    if (!admission) {
      conn.close(true);
      return;
    }
    this.lifetimes.get(request)?.adopt(conn);
    const client = new Client(handshakeOf(request, admission.address), this.services.clock.now());
    const connection = new IoConnection(
      client,
      conn,
      admission.slot,
      this.services,
      endpoint,
      this.buckets,
    );
    this.connections.set(conn, connection);
    this.follow(conn);
    conn.once('upgrade', () => {
      this.follow(conn);
    });
    conn.once('close', () => {
      this.connections.delete(conn);
    });
  }

  private follow(conn: EngineConnection): void {
    const socket = webSocketOf(conn);
    if (!socket) return;
    this.webSockets.add(socket);
    socket.once('close', () => {
      this.webSockets.delete(socket);
    });
  }

  private guardNamespace(namespace: IoNamespace): void {
    if (this.guarded.has(namespace)) return;
    this.guarded.add(namespace);
    namespace.use((socket, next) => {
      this.enter(socket).then(next, (error: unknown) => {
        logUnexpected(this.services.logger, error);
        next(refusalOf('INTERNAL'));
      });
    });
    namespace.on('connection', socket => {
      this.peers.get(socket)?.greet();
    });
  }

  /** @returns what refuses a socket its namespace */
  private async enter(socket: IoSocket): Promise<Error | undefined> {
    // Of a namespace that was made by another one, which has asked already.
    if (this.peers.has(socket)) return undefined;
    const connection = this.connections.get(socket.conn);
    if (!connection) return refusalOf('UNAVAILABLE');
    const result = await connection.entrance.enter(socket);
    if ('code' in result) return refusalOf(result.code, result.details);
    const peer = new IoPeer(connection, socket, this.services, result.welcome);
    this.peers.set(socket, peer);
    bindClient(socket, connection.client);
    bindConnection(socket, peer);
    return undefined;
  }
}

/** What Socket.IO tells a client that it refuses a namespace. */
function refusalOf(code: Code, details?: RefusalDetails): Error {
  const data = describeRefusal(code, details);
  return Object.assign(new Error(data.message), { data });
}
