import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { INestApplicationContext, WsMessageHandler } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { ServerOptions, WebSocket, WebSocketServer } from 'ws';
import {
  type BoundHandler,
  closedOrLate,
  type ConnectionServices,
  servedEndpoint,
  servicesOf,
} from '../../connection/guarded/index.js';
import { bindClient, Client, OWNER } from '../../connection/index.js';
import {
  type Endpoint,
  normalizePath,
  RouteTable,
  withoutStockAdapterReplies,
} from '../../gateway/index.js';
import {
  handshakeOf,
  HttpServerGuard,
  malformedHandshake,
  refuseUpgrade,
} from '../../handshake/index.js';
import { contained, describeError, thrown } from '../../monitoring/index.js';
import { SemanticEventsConfigError } from '../../protocol/index.js';
import { type GuardedSocket, guardedSocket } from './guarded-socket.js';
import { OutboundQueue } from './outbound-queue.js';
import { ReceiveBatch } from './receive-batch.js';
import { deflateOptions, wsBounds } from './ws-bounds.js';
import type { WsEndpoint } from './ws-endpoint.js';
import { WsHandshake } from './ws-handshake.js';
import { WS_LIBRARY } from './ws-library.js';
import { WsListener } from './ws-listener.js';
import { WsServerAdapter } from './ws-server.adapter.js';

/** An accepted socket of this adapter. */
type Owned = WebSocket & { [OWNER]?: WsListener };

interface CreateOptions {
  namespace?: string;
  server?: WebSocketServer;
  path?: string;
}

/**
 * A WebSocket adapter for ws. It protects what guards of Nest cannot: the handshake, sockets before they authenticate, and
 * frames before they are parsed. Install it before the application starts: `app.useWebSocketAdapter(new
 * SemanticEventsAdapter(app))`.
 *
 * @throws SemanticEventsConfigError when SemanticEventsModule is not imported
 */
export class SemanticEventsAdapter extends WsServerAdapter {
  private readonly services: ConnectionServices;
  private readonly library: typeof WebSocketServer;
  private readonly handshake: WsHandshake;
  private readonly httpGuard: HttpServerGuard;
  private readonly batch = new ReceiveBatch();
  private readonly outbound = new OutboundQueue();
  /** Gateways without a path, each on a port of its own. */
  private readonly pathless = new Map<number, WebSocketServer>();

  constructor(app: INestApplicationContext) {
    super(app);
    this.services = servicesOf(app, SemanticEventsAdapter.name);
    const library = app.get<typeof WebSocketServer | null>(WS_LIBRARY, { strict: false });
    if (!library)
      throw new SemanticEventsConfigError([
        'SemanticEventsAdapter needs the package ws: npm install ws@8',
      ]);
    this.library = library;
    withoutStockAdapterReplies(app.get(ModulesContainer, { strict: false }));
    const { clock, options } = this.services;
    this.handshake = new WsHandshake(this.services);
    this.httpGuard = new HttpServerGuard(
      options.auth.timeout,
      () => clock.monotonic(),
      this.services.handshakes,
      (request, refusal) => {
        this.services.reportHandshake(request, refusal);
      },
    );
  }

  override create(port: number, options: CreateOptions = {}): WebSocketServer {
    const { server: given, path, namespace, ...others } = options;
    // Nest passes the namespace in a second call only, with the server of the first.
    if (namespace)
      throw new SemanticEventsConfigError([
        `@WebSocketGateway ${normalizePath(path)}: ws has no namespaces: use path, or SemanticEventsIoAdapter`,
      ]);
    if (given) return given;
    this.services.serve();
    const endpoint = { port, path: normalizePath(options.path) };
    // The adapter's own check replaces it. An application that relies on one must not lose it silently.
    if ('verifyClient' in options)
      throw new SemanticEventsConfigError([
        `@WebSocketGateway ${endpoint.path}: verifyClient is never called: use auth and connection.origins`,
      ]);
    const server = this.open(port, path, { ...others, ...this.serverOptions(endpoint) });
    if (port !== 0 && !path) this.pathless.set(port, server);
    this.bindErrorHandler(server);
    server.options.WebSocket = guardedSocket(
      server.options.WebSocket as typeof WebSocket,
      this.services.options.connection,
    );
    // Without a listener, ws answers by itself, and says nothing.
    server.on(
      'wsClientError',
      contained(
        (error: Error, tcp: Socket, request: IncomingMessage) => {
          const refusal = malformedHandshake(request, error.message);
          this.services.reportHandshake(request, refusal, endpoint.path);
          refuseUpgrade(tcp, refusal);
        },
        (_, __, tcp) => {
          tcp.destroy();
        },
      ),
    );
    const served = this.serve(endpoint);
    server.on(
      'connection',
      contained(
        (socket: GuardedSocket, request: IncomingMessage) => {
          this.accept(socket, request, served);
        },
        (_, socket) => {
          socket.terminate();
        },
      ),
    );
    return server;
  }

  override bindMessageHandlers(socket: WebSocket, handlers: WsMessageHandler[]): void {
    (socket as Owned)[OWNER]?.dispatcher.bind(
      this.services.gateways.factsOf(handlers.map(({ message }) => message)),
      handlers.map(({ message, callback }) =>
        this.services.telemetry.handled(message, callback as BoundHandler),
      ),
    );
  }

  override bindClientConnect(
    server: WebSocketServer,
    callback: (socket: WebSocket, ...rest: unknown[]) => void,
  ): void {
    const { gateways } = this.services;
    const connecting = this.services.connecting(gateways.bound(), callback);
    // The hooks of gateways run in this callback, and so does all other code that Nest binds to a connection.
    server.on(
      'connection',
      contained(connecting, (error, socket) => {
        (socket as Owned)[OWNER]?.connection.end('INTERNAL', { reason: thrown(error) });
      }),
    );
  }

  override bindClientDisconnect(socket: WebSocket, callback: (reason: number) => void): void {
    // Without the hook, Nest's callback does nothing, and would cost memory for each socket.
    if (this.services.gateways.mayHaveDisconnectHook)
      (socket as Owned)[OWNER]?.whenClosed(callback);
  }

  /** @throws SemanticEventsConfigError always: frames have the forms of PROTOCOL.md, which this adapter parses itself */
  setMessageParser(): never {
    throw new SemanticEventsConfigError([
      'SemanticEventsAdapter does not support setMessageParser(): remove it, and send frames as PROTOCOL.md defines',
    ]);
  }

  /** Protocol errors by a client are not server errors: do not log them. */
  bindErrorHandler(server: WebSocketServer): WebSocketServer {
    server.on(
      'error',
      contained((error: Error) => {
        this.logger.error(describeError(error));
      }),
    );
    return server;
  }

  override async close(server: WebSocketServer): Promise<void> {
    this.services.handshakes.close();
    await Promise.all(
      [...server.clients].map(async socket => {
        const closed = new Promise(resolve => socket.once('close', resolve));
        await (socket as Owned)[OWNER]?.shutDown();
        await closedOrLate(closed);
      }),
    );
    await super.close(server);
  }

  override async dispose(): Promise<void> {
    this.httpGuard.shutDown(this.services.options.connection.shutdownTimeout);
    await super.dispose();
  }

  protected override webSocketServer(): typeof WebSocketServer {
    return this.library;
  }

  protected override createHttpServer(): Server {
    return createServer(requireUpgrade);
  }

  protected override watch(httpServer: Server, port: number): void {
    this.httpGuard.watch(httpServer, path => this.serverAt(port, path) ?? this.pathless.get(port));
  }

  private serverOptions(endpoint: Endpoint): ServerOptions {
    const { origins, maxMessageSize } = this.services.catalog.connectionOptionsAt(endpoint);
    return {
      maxPayload: maxMessageSize,
      ...wsBounds(maxMessageSize),
      perMessageDeflate: deflateOptions(this.services.options.connection.perMessageDeflate),
      // The adapter closes these connections at shutdown.
      clientTracking: true,
      // @types/ws does not declare this option yet.
      ...({ closeTimeout: this.services.options.connection.closeTimeout } satisfies object),
      // Pings are charged like any other frame before they are answered.
      autoPong: false,
      ...this.handshake.options(endpoint, origins),
    };
  }

  private serve(endpoint: Endpoint): WsEndpoint {
    return {
      ...servedEndpoint(this.services, endpoint, endpoint.path),
      routes: new RouteTable(),
      batch: this.batch,
      outbound: this.outbound,
    };
  }

  private accept(socket: GuardedSocket, request: IncomingMessage, endpoint: WsEndpoint): void {
    const admission = this.handshake.admissionOf(request);
    if (!admission) {
      socket.terminate();
      return;
    }
    admission.takeOver();
    const client = new Client(handshakeOf(request, admission.address), this.services.clock.now());
    (socket as Owned)[OWNER] = new WsListener(
      client,
      socket,
      request.socket,
      admission.slot,
      endpoint,
    );
    bindClient(socket, client);
  }
}

/** Answers an HTTP request on a port that only gateways use. */
function requireUpgrade(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end();
}
