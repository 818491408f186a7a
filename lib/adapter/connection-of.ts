import type { FrameForm } from '../event/index.js';
import type { Code, RefusalDetails } from '../protocol/index.js';
import { OWNER } from './guarded-socket.js';

/** What the exception filter asks of a connection. */
export interface RefusalOutlet {
  refuse(code: Code, details: RefusalDetails, form: FrameForm, eventType: string): void;
}

/** Of sockets that do not know their connection by themselves. */
const connections = new WeakMap<object, RefusalOutlet>();

export function bindConnection(socket: object, connection: RefusalOutlet): void {
  connections.set(socket, connection);
}

/** The connection behind a socket, where an adapter of ours made it; none on a stock adapter. */
export function connectionOf(socket: object): RefusalOutlet | undefined {
  return (socket as { [OWNER]?: RefusalOutlet })[OWNER] ?? connections.get(socket);
}
