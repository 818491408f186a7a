import '../start-up/loaded-copies.js';
export { RedisConnectionStore } from './redis-connection-store.js';
export { RedisEventLog } from './redis-event-log.js';
export type { RedisHealth } from './redis-health.js';
export { RedisNonceStore } from './redis-nonce-store.js';
export {
  type RedisClient,
  type RedisStoresOptions,
  type RedisTarget,
  type RedisTuning,
} from './redis-options.js';
export { RedisRateLimitStore } from './redis-rate-limit-store.js';
export { RedisRevocationBus } from './redis-revocation-bus.js';
export { type RedisStores, redisStores } from './redis-stores.js';
export { RedisUnavailableError } from './redis-unavailable.error.js';
