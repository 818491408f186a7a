import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { isThenable, type MaybePromise } from '../maybe-promise.js';
import { SecurityEvents, Telemetry } from '../monitoring/index.js';
import { Problems, type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { StoreOutage } from '../store-outage.js';
import { InMemoryRateLimitStore } from './in-memory-rate-limit-store.js';
import { RateLimitStore } from './rate-limit-store.js';
import { SpentLimits } from './spent-limits.js';
import {
  capacityOf,
  type PendingDecision,
  type RateLimitDecision,
  type TokenBucket,
  tokenBucket,
  type TokenBucketOptions,
} from './token-bucket.js';

/** Token-bucket rate limits for anything that has a key. */
@Injectable()
export class RateLimiter {
  /**
   * What RateLimitGuard has refused clients, for an adapter to refuse sooner.
   *
   * @internal
   */
  readonly spent: SpentLimits;
  private readonly buckets = new WeakMap<TokenBucketOptions, TokenBucket>();
  /** What goes on where the store fails. */
  private readonly local: RateLimitStore;
  private readonly outage: StoreOutage;

  constructor(
    private readonly store: RateLimitStore,
    @Inject(SEMANTIC_EVENTS_OPTIONS) { rateLimit }: ResolvedOptions,
    clock: Clock,
    @Optional() events?: SecurityEvents,
    @Optional() telemetry?: Telemetry,
  ) {
    this.spent = new SpentLimits(clock);
    this.local = new InMemoryRateLimitStore(rateLimit.maxKeys, clock);
    this.outage = new StoreOutage('rate limits', rateLimit.onStoreError, clock, events, telemetry);
  }

  /**
   * Takes tokens from the bucket of a key.
   *
   * @param limit keep the object between calls: it is validated once
   * @param cost tokens taken; more than 0 and at most the burst
   * @throws SemanticEventsConfigError for a limit that makes no sense or a cost the bucket can never hold
   * @throws RefusalError `UNAVAILABLE` while the store fails, where that is the policy
   */
  take(key: string, limit: TokenBucketOptions, cost = 1): MaybePromise<RateLimitDecision> {
    const decision = this.begin(key, limit, cost);
    return 'decided' in decision ? decision.decided : decision;
  }

  /** Like `take`, for who has something to ask the store for together with a decision that is on its way. */
  begin(key: string, limit: TokenBucketOptions, cost = 1): RateLimitDecision | PendingDecision {
    const bucket = this.bucketOf(limit);
    if (!(cost > 0 && cost <= capacityOf(bucket)))
      throw new SemanticEventsConfigError([
        'rate limit: cost must be above 0 and at most the burst',
      ]);
    let asked: MaybePromise<RateLimitDecision> | undefined;
    const decided = this.outage.during(() => (asked = this.store.take(key, bucket, cost)), {
      allow: () => PASS,
      local: () => this.local.take(key, bucket, cost),
    });
    if (!isThenable(decided)) return decided;
    return { asked: Promise.resolve(asked ?? decided), decided };
  }

  /**
   * Puts tokens back that were taken for what, in the end, is not to be charged.
   *
   * @param limit the one they were taken by
   */
  refund(key: string, limit: TokenBucketOptions, tokens = 1): MaybePromise<void> {
    const bucket = this.bucketOf(limit);
    return this.outage.during(() => this.store.refund(key, bucket, tokens), {
      allow: () => undefined,
      local: () => this.local.refund(key, bucket, tokens),
    });
  }

  private bucketOf(limit: TokenBucketOptions): TokenBucket {
    let bucket = this.buckets.get(limit);
    if (!bucket) {
      const problems = new Problems();
      checkTokenBucket('rate limit', limit, problems);
      problems.throwIfAny();
      bucket = tokenBucket(limit);
      this.buckets.set(limit, bucket);
    }
    return bucket;
  }
}

/** What passes because nobody can say otherwise. */
const PASS: RateLimitDecision = { allowed: true, remaining: 0, retryAfter: 0, resetAfter: 0 };

/** Notes what is wrong with the numbers of a limit. */
export function checkTokenBucket(
  path: string,
  limit: TokenBucketOptions,
  problems: Problems,
): void {
  problems.positive(`${path}: rate`, limit.rate, { required: true });
  problems.positive(`${path}: per`, limit.per);
  problems.integer(`${path}: burst`, limit.burst, { min: 1 });
  if (limit.rate > 0 && tokenBucket(limit).fillTime === Infinity)
    problems.add(`${path}: rate`, 'is too small for its period');
}
