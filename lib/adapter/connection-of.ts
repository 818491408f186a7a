import type { ClientConnection } from './client-connection.js';

const connections = new WeakMap<object, ClientConnection>();

export function bindConnection(socket: object, connection: ClientConnection): void {
  connections.set(socket, connection);
}

/** The connection behind a socket, where SemanticEventsAdapter made it; none on a stock adapter. */
export function connectionOf(socket: object): ClientConnection | undefined {
  return connections.get(socket);
}
