import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import { contained } from '../../monitoring/index.js';
import { type GuardedSocket, guardedSocket, type SocketLimits } from '../ws/index.js';
import { describeRefusal } from '../../protocol/index.js';
import type { EngineConnection, EngineServer } from './io-types.js';

/** The encoded `exception` event of the default namespace, for a message that is too large. */
const TOO_LARGE = `42${JSON.stringify(['exception', describeRefusal('MESSAGE_TOO_LARGE')])}`;

type Upgrade = Parameters<WebSocketServer['handleUpgrade']>;
type EngineRequest = Upgrade[0] & { _query?: { sid?: string } };

interface Engine {
  /** The connections by the id of their session. */
  readonly clients: Readonly<Record<string, EngineConnection>>;
  readonly opts: { wsEngine: new (options: object) => WebSocketServer };
  init(): void;
}

interface EngineCallbacks {
  /** Called for each WebSocket before its first frame, with the polling session that may move to it. */
  readonly opened: (socket: GuardedSocket, conn: EngineConnection | undefined) => void;
  /** Answers an upgrade that is not a WebSocket handshake. */
  readonly malformed: (error: Error, tcp: Socket, request: IncomingMessage) => void;
}

/** Makes an engine create guarded WebSockets with the given options. */
export function guardWebSockets(
  server: EngineServer,
  options: object,
  limits: SocketLimits,
  { opened, malformed }: EngineCallbacks,
): void {
  const engine = server as unknown as Engine;
  const Base = engine.opts.wsEngine;
  engine.opts.wsEngine = class extends Base {
    constructor(given: object) {
      super({ ...given, ...options });
      this.options.WebSocket = guardedSocket(
        this.options.WebSocket as typeof WebSocket,
        limits,
        TOO_LARGE,
      );
      // Without a listener, ws answers by itself, and says nothing.
      this.on(
        'wsClientError',
        contained(malformed, (_, __, tcp) => {
          tcp.destroy();
        }),
      );
    }

    override handleUpgrade(...[request, tcp, head, done]: Upgrade): void {
      super.handleUpgrade(request, tcp, head, (socket, ...rest) => {
        opened(socket as GuardedSocket, sessionOf(server, (request as EngineRequest)._query?.sid));
        done(socket, ...rest);
      });
    }
  };
  // The engine has already created a ws server. Replace it before a client connects.
  engine.init();
}

/** Returns the WebSocket of a connection; undefined while the client polls. */
export function webSocketOf({ transport }: EngineConnection): GuardedSocket | undefined {
  return transport.name === 'websocket'
    ? (transport as unknown as { socket: GuardedSocket }).socket
    : undefined;
}

/** Returns whether a session uses a WebSocket. */
export function hasWebSocket(server: EngineServer, session?: string): boolean {
  const conn = sessionOf(server, session);
  return conn !== undefined && webSocketOf(conn) !== undefined;
}

function sessionOf(server: EngineServer, session = ''): EngineConnection | undefined {
  const { clients } = server as unknown as Engine;
  return Object.hasOwn(clients, session) ? clients[session] : undefined;
}
