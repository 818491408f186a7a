import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { INestApplicationContext, WsMessageHandler } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import type { ServerOptions, VerifyClientCallbackAsync, WebSocket, WebSocketServer } from 'ws';
import { bindClient, Client } from '../connection/index.js';
import { logUnexpected } from '../monitoring/index.js';
import { RefusalError, SemanticEventsConfigError } from '../protocol/index.js';
import { closedOrLate } from './close-grace.js';
import { ClientConnection } from './client-connection.js';
import { type ConnectionServices, servicesOf } from './connection-services.js';
import { frameBuckets } from './frame-meter.js';
import { type Endpoint, normalizePath } from './gateway-catalog.js';
import { type GuardedSocket, guardedSocket, OWNER } from './guarded-socket.js';
import { handshakeOf } from './handshake-of.js';
import type { Admission, HandshakeRefusal } from './handshake-policy.js';
import { answerTo } from './handshake-refusal.js';
import { HttpServerGuard } from './http-server-guard.js';
import type { BoundHandler } from './message-router.js';
import { RouteTable } from './route-table.js';
import type { ServedEndpoint } from './served-endpoint.js';
import { withoutStockAdapterReplies } from './stock-adapter-replies.interceptor.js';
import { selectSubprotocol } from './subprotocol.js';
import { WS_BOUNDS } from './ws-bounds.js';

/** A server as Nest's WsAdapter keeps it. */
type NestServer = WebSocketServer & { readonly path: string };

/** A socket of this adapter, once it is accepted. */
type Owned = WebSocket & { [OWNER]?: ClientConnection };

interface CreateOptions {
  namespace?: string;
  server?: WebSocketServer;
  path?: string;
}

/**
 * The WebSocket adapter that guards what Nest's guards cannot reach: the handshake, sockets before they
 * authenticate, and frames before they are parsed. Install it before the application starts:
 * `app.useWebSocketAdapter(new SemanticEventsAdapter(app))`.
 *
 * @throws SemanticEventsConfigError when SemanticEventsModule is not imported
 */
export class SemanticEventsAdapter extends WsAdapter {
  private readonly services: ConnectionServices;
  private readonly admissions = new WeakMap<IncomingMessage, Admission>();
  private readonly httpGuard: HttpServerGuard;
  /** Gateways on a port of their own that take any path. */
  private readonly pathless = new Map<number, WebSocketServer>();

  constructor(app: INestApplicationContext) {
    super(app);
    this.services = servicesOf(app, SemanticEventsAdapter.name);
    withoutStockAdapterReplies(app.get(ModulesContainer, { strict: false }));
    const { clock, options } = this.services;
    this.httpGuard = new HttpServerGuard(options.auth.timeout, () => clock.monotonic());
  }

  override create(port: number, options: CreateOptions = {}): WebSocketServer {
    if (options.server) return options.server;
    this.services.serve();
    const endpoint = { port, path: normalizePath(options.path) };
    // Ours takes its place; whoever relies on one must not be left without it unawares.
    if ('verifyClient' in options)
      throw new SemanticEventsConfigError([
        `@WebSocketGateway ${endpoint.path}: verifyClient is not asked: use auth and connection.origins`,
      ]);
    const isPathless = port !== 0 && !options.path;
    const server = super.create(port, {
      ...options,
      // Without a path ws would listen by an HTTP server of its own, which nobody guards.
      ...(isPathless && { path: endpoint.path }),
      ...this.serverOptions(endpoint),
    }) as WebSocketServer;
    if (isPathless) this.pathless.set(port, server);
    server.options.WebSocket = guardedSocket(
      server.options.WebSocket as typeof WebSocket,
      this.services.options.connection.maxBufferedBytes,
    );
    const served = this.serve(endpoint);
    server.on('connection', (socket: GuardedSocket, request: IncomingMessage) => {
      this.accept(socket, request, served);
    });
    return server;
  }

  override bindMessageHandlers(socket: WebSocket, handlers: WsMessageHandler[]): void {
    (socket as Owned)[OWNER]?.router.bind(
      handlers.map(({ message }) => message),
      handlers.map(({ message, callback }) =>
        this.services.telemetry.handled(message, callback as BoundHandler),
      ),
    );
  }

  override bindClientDisconnect(socket: WebSocket, callback: (reason: number) => void): void {
    (socket as Owned)[OWNER]?.whenClosed(callback);
  }

  /** What a peer does wrong at the level of ws is nothing to log as our error. */
  override bindErrorHandler(server: WebSocketServer): WebSocketServer {
    server.on('error', error => {
      this.logger.error(error);
    });
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

  protected override ensureHttpServerExists(
    port: number,
    httpServer: Server = createServer(askForUpgrade),
  ): Server | undefined {
    const isKnown = this.httpServersRegistry.has(port);
    const result = super.ensureHttpServerExists(port, httpServer);
    if (isKnown) return result;
    // Nest's own listener destroys every socket for a path it does not know, whoever else may want it.
    httpServer.off('upgrade', httpServer.listeners('upgrade').at(-1) as () => void);
    this.httpGuard.watch(httpServer, path => this.gatewayAt(port, path));
    return result;
  }

  private gatewayAt(port: number, path: string): WebSocketServer | undefined {
    const servers = this.wsServersRegistry.get(port) as NestServer[] | undefined;
    return servers?.find(server => server.path === path) ?? this.pathless.get(port);
  }

  private serverOptions(endpoint: Endpoint): ServerOptions {
    const { origins, maxMessageSize } = this.services.catalog.connectionOptionsAt(endpoint);
    return {
      maxPayload: maxMessageSize,
      ...WS_BOUNDS,
      perMessageDeflate: false,
      // Whom we take leave of at shutdown.
      clientTracking: true,
      // Which @types/ws does not know yet.
      ...({ closeTimeout: this.services.options.connection.closeTimeout } satisfies object),
      // Pings are charged like any other frame before they are answered.
      autoPong: false,
      handleProtocols: selectSubprotocol,
      verifyClient: ({ req }, answer) => {
        void this.services.handshakes.admit(req, { origins }).then(
          admission => {
            this.answerHandshake(req, admission, answer, endpoint);
          },
          (error: unknown) => {
            if (!(error instanceof RefusalError)) logUnexpected(this.services.logger, error);
            this.answerHandshake(req, { code: 'SERVER_FULL' }, answer, endpoint);
          },
        );
      },
    };
  }

  private answerHandshake(
    request: IncomingMessage,
    result: Admission | HandshakeRefusal,
    answer: Parameters<VerifyClientCallbackAsync>[1],
    { path }: Endpoint,
  ): void {
    if ('slot' in result) {
      this.admissions.set(request, result);
      answer(true);
      return;
    }
    const { events, handshakes } = this.services;
    events.handshakeRefused(
      handshakes.addressOf(request),
      result.code,
      path,
      request.headers.origin,
    );
    const { status, headers, body } = answerTo(result);
    answer(false, status, body, headers);
  }

  private serve(endpoint: Endpoint): ServedEndpoint {
    const { services } = this;
    const { catalog } = services;
    return {
      services,
      path: endpoint.path,
      isOpenToAll: catalog.isOpen(endpoint),
      buckets: frameBuckets(services.options.connection),
      routes: new RouteTable(messages => catalog.factsOf(endpoint, messages)),
    };
  }

  private accept(socket: GuardedSocket, request: IncomingMessage, endpoint: ServedEndpoint): void {
    const admission = this.admissions.get(request);
    if (!admission) {
      socket.terminate();
      return;
    }
    admission.takeOver();
    const client = new Client(handshakeOf(request, admission.address), this.services.clock.now());
    bindClient(socket, client);
    (socket as Owned)[OWNER] = new ClientConnection(
      client,
      socket,
      request.socket,
      admission.slot,
      endpoint,
    );
  }
}

/** Nothing but WebSockets is served on a port that is a gateway's own. */
function askForUpgrade(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end();
}
