import type { IncomingMessage, Server } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import {
  type ConnectionServices,
  type ServedEndpoint,
  servedEndpoint,
  servicesOf,
} from '../../connection/guarded/index.js';
import { Client } from '../../connection/index.js';
import { normalizePath, withoutStockAdapterReplies } from '../../gateway/index.js';
import {
  handshakeOf,
  HttpServerGuard,
  malformedHandshake,
  refuseUpgrade,
} from '../../handshake/index.js';
import { type GuardedSocket, deflateOptions, wsBounds } from '../ws/index.js';
import { contained, type MessageHandler, thrown } from '../../monitoring/index.js';
import type { IoHandler } from './io-call.js';
import { type EngineRequest, IoHandshake, isAt } from './io-handshake.js';
import { IoListener } from './io-listener.js';
import type {
  EngineConnection,
  IoHandlers,
  IoNamespace,
  IoOptions,
  IoServer,
  IoSocket,
  Transform,
} from './io-types.js';
import { Namespaces } from './namespaces.js';
import {
  assertNamespace,
  assertServerOptions,
  enginePathOf,
  pathOf,
  serverOptions,
} from './server-options.js';
import { guardWebSockets, hasWebSocket } from './web-socket-engine.js';

/** The options of a gateway that `create` reads. */
type Namespaced = NonNullable<Parameters<IoAdapter['create']>[1]>;

/** A request that Engine.IO rejects by itself. */
interface EngineRejection {
  readonly req: IncomingMessage;
  readonly message: string;
  /** The name of the rule, if there are several. */
  readonly context?: { readonly name?: string };
}

/**
 * A WebSocket adapter for Socket.IO with the protections of `SemanticEventsAdapter`. Install it before the application starts:
 * `app.useWebSocketAdapter(new SemanticEventsIoAdapter(app))`.
 *
 * @throws SemanticEventsConfigError when SemanticEventsModule is not imported, or, at start-up, when a gateway sets an unsafe
 *   option
 */
export class SemanticEventsIoAdapter extends IoAdapter {
  private readonly services: ConnectionServices;
  private readonly httpGuard: HttpServerGuard;
  /** The upgrade listeners of engines, by the HTTP servers that are watched. */
  private readonly engines = new WeakMap<Server, number>();
  private readonly connections = new Map<EngineConnection, IoListener>();
  /** All WebSockets that are not closed yet, also those of ended connections. */
  private readonly webSockets = new Set<GuardedSocket>();
  /** The beginnings of the paths that engines handle. */
  private readonly paths = new Set<string>();
  private readonly handshake: IoHandshake;
  private readonly namespaces: Namespaces;

  constructor(app: INestApplicationContext) {
    super(app);
    this.services = servicesOf(app, SemanticEventsIoAdapter.name);
    withoutStockAdapterReplies(app.get(ModulesContainer, { strict: false }));
    const { clock, options } = this.services;
    this.handshake = new IoHandshake(this.services);
    this.namespaces = new Namespaces(this.services, conn => this.connections.get(conn)?.transport);
    this.httpGuard = new HttpServerGuard(
      options.auth.timeout,
      () => clock.monotonic(),
      this.services.handshakes,
      (request, refusal) => {
        this.services.reportHandshake(request, refusal);
      },
    );
  }

  override create(...args: Parameters<IoAdapter['create']>): ReturnType<IoAdapter['create']> {
    const [port, { namespace, path } = {} as Namespaced] = args;
    assertNamespace(pathOf({ port, path: normalizePath(path) }), namespace);
    const server = super.create(...args);
    // A namespace pattern copies its middleware to its namespaces, so add ours before any other.
    if (isNamespace(server)) this.namespaces.guard(server);
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
      allowRequest: this.handshake.allowing(origins, endpoint, given?.allowRequest),
    };
    const before = port === 0 ? upgradeListeners(this.httpServer as Server) : 0;
    const server = super.createIOServer(port, options as IoOptions);
    const { engine } = server;
    const httpServer = server.httpServer as Server;
    const engines = upgradeListeners(httpServer) - before;
    const served = servedEndpoint(services, endpoint, pathOf(endpoint));
    this.paths.add(enginePathOf(endpoint, given));
    guardWebSockets(
      engine,
      {
        ...wsBounds(maxMessageSize),
        perMessageDeflate: deflateOptions(connection.perMessageDeflate),
        closeTimeout: connection.closeTimeout,
        // Pings are charged like any other frame before they are answered.
        autoPong: false,
      },
      connection,
      {
        opened: (socket, conn) => {
          this.opened(socket, conn);
        },
        malformed: (error, tcp, request) => {
          const refusal = malformedHandshake(request, error.message);
          services.reportHandshake(request, refusal, served.path);
          refuseUpgrade(tcp, refusal);
        },
      },
    );
    engine.on(
      'connection_error',
      contained(({ req, message, context }: EngineRejection) => {
        const reason = `Engine.IO: ${message}${context?.name ? ` (${context.name})` : ''}`;
        services.reportHandshake(req, { code: 'BAD_HANDSHAKE', reason }, served.path);
      }),
    );
    engine.use(
      contained(
        async (request: EngineRequest, _response: unknown, next: (error?: Error) => void) => {
          this.httpGuard.requestReceived(request, request.res);
          // Only a polling session continues by further requests. A request that names the session of a WebSocket would open a
          // connection that is not counted.
          const session = request._query?.sid;
          const isForeign = hasWebSocket(engine, session) || !isAt(request, endpoint);
          if (session !== undefined && isForeign)
            next(new Error('the session is not of this request'));
          else if (session === undefined || (await this.handshake.mayContinue(request, endpoint)))
            next();
        },
        destroyConnection,
      ),
    );
    engine.on(
      'connection',
      contained(
        (conn: EngineConnection) => {
          this.accept(conn, served);
        },
        (_, conn) => {
          conn.close(true);
        },
      ),
    );
    this.watch(httpServer, engines);
    this.namespaces.guard(server.sockets);
    server.on(
      'new_namespace',
      contained((namespace: IoNamespace) => {
        this.namespaces.guard(namespace);
      }),
    );
    return server;
  }

  override bindClientConnect(
    server: IoServer | IoNamespace,
    callback: (socket: IoSocket) => void,
  ): void {
    const { gateways } = this.services;
    const gateway = gateways.bound();
    const namespace = isNamespace(server) ? server : server.sockets;
    this.namespaces.add(namespace, gateway);
    const connecting = this.services.connecting(gateway, callback);
    // The hooks of gateways run in this callback, and so does all other code that Nest binds to a connection.
    namespace.on(
      'connection',
      contained(connecting, (error, socket) => {
        this.connections.get(socket.conn)?.connection.end('INTERNAL', { reason: thrown(error) });
      }),
    );
  }

  override bindMessageHandlers(socket: IoSocket, handlers: IoHandlers, transform: Transform): void {
    const dispatcher = this.namespaces.dispatcherOf(socket);
    if (!dispatcher) return;
    const { gateways, telemetry } = this.services;
    const { isPublic, isSecure } = gateways.factsOf(handlers.map(({ message }) => String(message)));
    for (const [at, { message, callback, isAckHandledManually = false }] of handlers.entries()) {
      const name = String(message);
      const handler = {
        callback: telemetry.handled(
          name,
          callback as MessageHandler,
        ) as unknown as IoHandler['callback'],
        isPublic: isPublic[at] === true,
        isAckHandled: isAckHandledManually,
        signsReply: isSecure,
      };
      dispatcher.bind(name, handler, transform, payload => {
        return this.mapPayload(payload) as { data: unknown; ack?: (answer: unknown) => void };
      });
    }
  }

  override async close(server: IoServer): Promise<void> {
    this.services.handshakes.close();
    await Promise.all(Array.from(this.connections.values(), connection => connection.shutDown()));
    // A client that does not answer the close frame must not delay the shutdown.
    for (const socket of this.webSockets) socket.terminate();
    this.httpGuard.shutDown(this.services.options.connection.shutdownTimeout);
    await super.close(server);
  }

  private watch(server: Server, engines: number): void {
    const known = this.engines.get(server);
    this.engines.set(server, (known ?? 0) + engines);
    if (known !== undefined) return;
    this.httpGuard.watch(
      server,
      path => ([...this.paths].some(served => path.startsWith(served)) ? 'elsewhere' : undefined),
      () => this.engines.get(server) ?? 0,
    );
  }

  private accept(conn: EngineConnection, endpoint: ServedEndpoint): void {
    const admission = this.handshake.admissionOf(conn);
    if (!admission) {
      conn.close(true);
      return;
    }
    const client = new Client(
      handshakeOf(conn.request, admission.address),
      this.services.clock.now(),
    );
    this.connections.set(conn, new IoListener(client, conn, admission.slot, endpoint));
    conn.once(
      'close',
      contained(() => {
        this.connections.delete(conn);
      }),
    );
  }

  /** @param conn the polling session that may move to the WebSocket */
  private opened(socket: GuardedSocket, conn: EngineConnection | undefined): void {
    this.webSockets.add(socket);
    socket.once(
      'close',
      contained(() => {
        this.webSockets.delete(socket);
      }),
    );
    const listener = conn && this.connections.get(conn);
    if (listener) listener.probed(socket);
    else if (conn) socket.terminate();
  }
}

function destroyConnection(_: unknown, { socket }: EngineRequest): void {
  socket.destroy();
}

function upgradeListeners(server: Server | undefined): number {
  return server?.listenerCount('upgrade') ?? 0;
}

function isNamespace(server: IoServer | IoNamespace): server is IoNamespace {
  return 'adapter' in server && typeof server.adapter !== 'function';
}
