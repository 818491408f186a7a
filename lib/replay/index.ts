export { InMemoryNonceStore } from './in-memory-nonce-store.js';
export { NonceStore } from './nonce-store.js';
export { type NonceScope, NonceTracker } from './nonce-tracker.js';
