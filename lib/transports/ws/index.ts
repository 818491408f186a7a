export { type GuardedSocket, guardedSocket, type SocketLimits } from './guarded-socket.js';
export { SemanticEventsAdapter } from './semantic-events.adapter.js';
export type { SocketOwner } from './socket-owner.js';
export { deflateOptions, wsBounds } from './ws-bounds.js';
export { WS_LIBRARY_PROVIDER } from './ws-library.js';
