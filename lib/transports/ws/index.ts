export { FrameWatch, type FrameWatcher } from './frame-watch.js';
export { guardedSocket, type SocketOwner } from './guarded-socket.js';
export { SemanticEventsAdapter } from './semantic-events.adapter.js';
export { wsBounds } from './ws-bounds.js';
export { WS_LIBRARY_PROVIDER } from './ws-library.js';
