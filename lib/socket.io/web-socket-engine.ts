import type { WebSocket, WebSocketServer } from 'ws';
import { guardedSocket } from '../adapter/index.js';
import { describeRefusal } from '../protocol/index.js';
import type { EngineConnection, EngineServer } from './io-types.js';

/** An `exception` event of the default namespace, as Engine.IO and Socket.IO put it on the wire. */
const TOO_LARGE = `42${JSON.stringify(['exception', describeRefusal('MESSAGE_TOO_LARGE')])}`;

interface Engine {
  /** By the ids of their sessions. */
  readonly clients: Readonly<Record<string, EngineConnection>>;
  readonly opts: { wsEngine: new (options: object) => WebSocketServer };
  init(): void;
}

/** Has an engine make its WebSockets with our options, and as guarded ones. */
export function guardWebSockets(
  server: EngineServer,
  options: object,
  maxBufferedBytes: number,
): void {
  const engine = server as unknown as Engine;
  const Base = engine.opts.wsEngine;
  engine.opts.wsEngine = class extends Base {
    constructor(given: object) {
      super({ ...given, ...options });
      this.options.WebSocket = guardedSocket(
        this.options.WebSocket as typeof WebSocket,
        maxBufferedBytes,
        TOO_LARGE,
      );
    }
  };
  // It has made a server already, which nobody has connected to yet.
  engine.init();
}

/** The WebSocket of a connection; undefined while it polls. */
export function webSocketOf({ transport }: EngineConnection): WebSocket | undefined {
  return transport.name === 'websocket'
    ? (transport as unknown as { socket: WebSocket }).socket
    : undefined;
}

/** Whether a session has gone over to a WebSocket, or began by one. */
export function hasWebSocket(server: EngineServer, session = ''): boolean {
  const { clients } = server as unknown as Engine;
  const conn = Object.hasOwn(clients, session) ? clients[session] : undefined;
  return conn !== undefined && webSocketOf(conn) !== undefined;
}
