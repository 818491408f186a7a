import '../start-up/loaded-copies.js';
export { SemanticEventsIoAdapter } from '../transports/socket.io/index.js';
