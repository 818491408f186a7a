import type { ClientConnection } from './client-connection.js';
import { OWNER } from './guarded-socket.js';

type OwnedSocket = object & { [OWNER]?: ClientConnection };

export function bindConnection(socket: object, connection: ClientConnection): void {
  (socket as OwnedSocket)[OWNER] = connection;
}

/** The connection behind a socket, where SemanticEventsAdapter made it; none on a stock adapter. */
export function connectionOf(socket: object): ClientConnection | undefined {
  return (socket as OwnedSocket)[OWNER];
}
