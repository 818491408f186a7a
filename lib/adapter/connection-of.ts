import type { FrameForm } from '../event/index.js';
import type { Code, RefusalDetails } from '../protocol/index.js';

/** What the exception filter asks of a connection. */
export interface RefusalOutlet {
  refuse(code: Code, details: RefusalDetails, form: FrameForm, eventType: string): void;
}

const connections = new WeakMap<object, RefusalOutlet>();

export function bindConnection(socket: object, connection: RefusalOutlet): void {
  connections.set(socket, connection);
}

/** The connection behind a socket, where an adapter of ours made it; none on a stock adapter. */
export function connectionOf(socket: object): RefusalOutlet | undefined {
  return connections.get(socket);
}
