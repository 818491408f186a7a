import type { WebSocket, WebSocketServer } from 'ws';
import { type GuardedSocket, guardedSocket, type ReadLimits } from '../ws/index.js';
import { describeRefusal } from '../../protocol/index.js';
import type { EngineConnection, EngineServer } from './io-types.js';

/** The encoded `exception` event of the default namespace, for a message that is too large. */
const TOO_LARGE = `42${JSON.stringify(['exception', describeRefusal('MESSAGE_TOO_LARGE')])}`;

interface Engine {
  /** The connections by the id of their session. */
  readonly clients: Readonly<Record<string, EngineConnection>>;
  readonly opts: { wsEngine: new (options: object) => WebSocketServer };
  init(): void;
}

/** Makes an engine create guarded WebSockets with the given options. */
export function guardWebSockets(server: EngineServer, options: object, limits: ReadLimits): void {
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
export function hasWebSocket(server: EngineServer, session = ''): boolean {
  const { clients } = server as unknown as Engine;
  const conn = Object.hasOwn(clients, session) ? clients[session] : undefined;
  return conn !== undefined && webSocketOf(conn) !== undefined;
}
