export { Client } from './client.js';
export { bindClient, clientOf } from './client-of.js';
export { CurrentClient } from './current-client.decorator.js';
