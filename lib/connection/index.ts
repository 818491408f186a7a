export { Client } from './client.js';
export { bindClient, clientOf } from './client-of.js';
export { ConnectionManager, type ManagedConnection } from './connection-manager.js';
export { CurrentClient } from './current-client.decorator.js';
