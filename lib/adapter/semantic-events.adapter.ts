import type { IncomingMessage } from 'node:http';
import type { INestApplicationContext, WsMessageHandler } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { WebSocket, WebSocketServer } from 'ws';
import { bindClient, Client } from '../connection/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { ClientConnection } from './client-connection.js';
import { bindConnection, connectionOf } from './connection-of.js';
import { ConnectionServices } from './connection-services.js';
import { type Endpoint, normalizePath } from './gateway-catalog.js';
import type { BoundHandler } from './message-router.js';
import { refusingSocket } from './refusing-socket.js';
import { selectSubprotocol } from './subprotocol.js';

/** Fragments of one message, and chunks of one frame, that ws keeps until it is complete. */
const MAX_FRAGMENTS = 1_024;
const MAX_BUFFERED_CHUNKS = 1_024;
/** How long peers have to answer our close frame at shutdown, in milliseconds. */
const CLOSE_GRACE = 1_000;

interface CreateOptions {
  namespace?: string;
  server?: WebSocketServer;
  path?: string;
}

/**
 * The WebSocket adapter that guards what Nest's guards cannot reach: sockets before they authenticate, and frames
 * before they are parsed. Install it before the application starts:
 * `app.useWebSocketAdapter(new SemanticEventsAdapter(app))`.
 *
 * @throws SemanticEventsConfigError when SemanticEventsModule is not imported
 */
export class SemanticEventsAdapter extends WsAdapter {
  private readonly services: ConnectionServices;
  private readonly endpoints = new WeakMap<WebSocket, Endpoint>();

  constructor(app: INestApplicationContext) {
    super(app);
    this.services = servicesOf(app);
  }

  override create(port: number, options: CreateOptions = {}): WebSocketServer {
    const server = super.create(port, {
      ...options,
      maxPayload: this.services.options.connection.maxMessageSize,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      perMessageDeflate: false,
      handleProtocols: selectSubprotocol,
    }) as WebSocketServer;
    if (server === options.server) return server;
    server.options.WebSocket = refusingSocket(server.options.WebSocket as typeof WebSocket);
    const endpoint = { port, path: normalizePath(options.path) };
    server.on('connection', (socket: WebSocket, request: IncomingMessage) => {
      this.accept(socket, request, endpoint);
    });
    return server;
  }

  override bindMessageHandlers(socket: WebSocket, handlers: WsMessageHandler[]): void {
    const connection = connectionOf(socket);
    const endpoint = this.endpoints.get(socket);
    if (!connection || !endpoint) return;
    const messages = handlers.map(({ message }) => message);
    const publicMessages = this.services.catalog.publicMessages(endpoint, messages);
    for (const { message, callback } of handlers)
      connection.router.bind(message, {
        callback: callback as BoundHandler['callback'],
        isPublic: publicMessages.has(message),
      });
  }

  /** What a peer does wrong at the level of ws ends its connection; it is nothing to log as our error. */
  override bindErrorHandler(server: WebSocketServer): WebSocketServer {
    server.on('connection', socket => socket.on('error', () => undefined));
    server.on('error', error => {
      this.logger.error(error);
    });
    return server;
  }

  override async close(server: WebSocketServer): Promise<void> {
    const closed = [...server.clients].map(
      socket => new Promise(resolve => socket.once('close', resolve)),
    );
    for (const socket of server.clients) connectionOf(socket)?.end('SERVER_SHUTDOWN');
    await Promise.race([Promise.all(closed), delay(CLOSE_GRACE)]);
    await super.close(server);
  }

  private accept(socket: WebSocket, request: IncomingMessage, endpoint: Endpoint): void {
    const client = new Client(
      {
        address: request.socket.remoteAddress ?? 'unknown',
        origin: request.headers.origin,
        url: request.url ?? '',
        headers: request.headers,
      },
      this.services.clock.now(),
    );
    bindClient(socket, client);
    this.endpoints.set(socket, endpoint);
    bindConnection(socket, new ClientConnection(client, socket, endpoint, this.services));
  }
}

function servicesOf(app: INestApplicationContext): ConnectionServices {
  try {
    return app.get(ConnectionServices, { strict: false });
  } catch {
    throw new SemanticEventsConfigError([
      'SemanticEventsAdapter needs SemanticEventsModule.forRoot() among the imports of the application',
    ]);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds).unref());
}
