export { addressBuckets, type BucketKey } from './bucket-key.js';
export { InMemoryRateLimitStore } from './in-memory-rate-limit-store.js';
export { RateLimit, SkipRateLimit } from './rate-limit.decorator.js';
export { pendingDecisionOf, RateLimitGuard, SharedRateLimitGuard } from './rate-limit.guard.js';
export {
  decoratedLimitOf,
  type RateLimitBy,
  type RateLimitDecoratorOptions,
} from './rate-limit.metadata.js';
export { RateLimitStore } from './rate-limit-store.js';
export { RateLimiter } from './rate-limiter.js';
export { SemanticEventsThrottlerStorage } from './semantic-events-throttler.storage.js';
export {
  capacityOf,
  decide,
  passOrRefuse,
  type PendingDecision,
  type RateLimitDecision,
  takeTokens,
  TOLERANCE,
  type TokenBucket,
  tokenBucket,
  type TokenBucketOptions,
} from './token-bucket.js';
