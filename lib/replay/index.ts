export { InMemoryNonceStore } from './in-memory-nonce-store.js';
export { NonceStore } from './nonce-store.js';
export { NonceTracker } from './nonce-tracker.js';
