export { type GuardedSocket, guardedSocket } from './guarded-socket.js';
export { SemanticEventsAdapter } from './semantic-events.adapter.js';
export type { SocketOwner } from './socket-owner.js';
export type { ReadLimits } from './socket-reading.js';
export { wsBounds } from './ws-bounds.js';
export { WS_LIBRARY_PROVIDER } from './ws-library.js';
