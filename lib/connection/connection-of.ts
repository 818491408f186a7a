import type { FrameForm } from '../event/index.js';
import type { Code, RefusalDetails } from '../protocol/index.js';

/** The property of a guarded socket that refers to its connection. */
export const OWNER = Symbol('owner');

/** The part of a connection that the exception filter uses. */
export interface RefusalTarget {
  refuse(code: Code, details: RefusalDetails, form: FrameForm, eventType: string): void;
}

/** The connections of sockets without an `OWNER`. */
const connections = new WeakMap<object, RefusalTarget>();

export function bindConnection(socket: object, connection: RefusalTarget): void {
  connections.set(socket, connection);
}

/** Returns the connection of a socket; undefined on a stock adapter. */
export function connectionOf(socket: object): RefusalTarget | undefined {
  return (socket as { [OWNER]?: RefusalTarget })[OWNER] ?? connections.get(socket);
}
