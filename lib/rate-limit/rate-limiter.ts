import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { after, isThenable, type MaybePromise } from '../maybe-promise.js';
import { contained, SecurityEvents, Telemetry } from '../monitoring/index.js';
import { Problems, type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { StoreOutage } from '../store-outage.js';
import { type BucketKey, storedKey } from './bucket-key.js';
import { InMemoryRateLimitStore } from './in-memory-rate-limit-store.js';
import { BucketQuota } from './bucket-quota.js';
import { RateLimitStore } from './rate-limit-store.js';
import { SpentLimits } from './spent-limits.js';
import {
  capacityOf,
  noRoomIn,
  type PendingDecision,
  type RateLimitDecision,
  type TokenBucket,
  tokenBucket,
  type TokenBucketOptions,
} from './token-bucket.js';

/** Token-bucket rate limits for any key. */
@Injectable()
export class RateLimiter {
  /**
   * Limits that clients have used up, so that an adapter can reject further messages early.
   *
   * @internal
   */
  readonly spent: SpentLimits;
  private readonly buckets = new WeakMap<TokenBucketOptions, TokenBucket>();
  /** Replaces the store while it is down. It is charged for everything that this node lets through. */
  private readonly local: InMemoryRateLimitStore;
  /** Whether `local` may be needed: a store in memory does not fail. */
  private readonly hasStandIn: boolean;
  private readonly quota: BucketQuota;
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
    this.hasStandIn =
      rateLimit.onStoreError === 'local' && !(store instanceof InMemoryRateLimitStore);
    this.quota = new BucketQuota(rateLimit.maxKeys, clock);
    this.outage = new StoreOutage('rate limits', rateLimit.onStoreError, clock, events, telemetry);
  }

  /**
   * Takes tokens from the bucket of a key.
   *
   * @param key any text; the limits of this library have their own tables, so keys cannot collide
   * @param limit reuse the same object for all calls, because it is validated once per object
   * @param cost the number of tokens; more than 0 and at most the burst
   * @throws SemanticEventsConfigError for an invalid limit, or a cost greater than the burst
   * @throws RefusalError `UNAVAILABLE` while the store is down and `rateLimit.onStoreError` is `'deny'`
   */
  take(
    key: string | BucketKey,
    limit: TokenBucketOptions,
    cost = 1,
  ): MaybePromise<RateLimitDecision> {
    const decision = this.begin(key, limit, cost);
    return 'decided' in decision ? decision.decided : decision;
  }

  /** Takes tokens from one bucket after the other, until one rejects. Pass the narrowest first: it protects the others. */
  takeAll(
    [key, ...others]: readonly [BucketKey, ...BucketKey[]],
    limit: TokenBucketOptions,
    cost = 1,
  ): MaybePromise<RateLimitDecision> {
    const [next, ...rest] = others;
    return after(this.take(key, limit, cost), decision =>
      decision.allowed && next ? this.takeAll([next, ...rest], limit, cost) : decision,
    );
  }

  /** Starts `take`, for a caller that has other work until the decision arrives. */
  begin(
    key: string | BucketKey,
    limit: TokenBucketOptions,
    cost = 1,
  ): RateLimitDecision | PendingDecision {
    const named = namedKey(key);
    const bucket = this.bucketOf(limit, named);
    if (!(cost > 0 && cost <= capacityOf(bucket)))
      throw new SemanticEventsConfigError([
        'rate limit: cost must be above 0 and at most the burst',
      ]);
    const stored = storedKey(named);
    if (named.owner === undefined) return this.ask(stored, bucket, cost);
    if (!this.quota.claim(stored, named.owner, bucket.fillTime)) return noRoomIn(bucket, cost);
    return decidedBy(this.ask(stored, bucket, cost), ({ resetAfter }) => {
      this.quota.note(stored, resetAfter);
    });
  }

  /**
   * Returns tokens to the bucket for an action that is not charged after all.
   *
   * @param limit the limit that they were taken from
   */
  refund(key: string | BucketKey, limit: TokenBucketOptions, tokens = 1): MaybePromise<void> {
    const named = namedKey(key);
    const bucket = this.bucketOf(limit, named);
    const stored = storedKey(named);
    if (this.hasStandIn) this.local.refund(stored, bucket, tokens);
    return this.outage.during(() => this.store.refund(stored, bucket, tokens), {
      allow: () => undefined,
      local: () => undefined,
    });
  }

  private ask(key: string, bucket: TokenBucket, cost: number): RateLimitDecision | PendingDecision {
    if (!this.hasStandIn) return this.askStore(key, bucket, cost, PASS);
    const own = this.local.take(key, bucket, cost);
    return decidedBy(this.askStore(key, bucket, cost, own), ({ allowed }) => {
      if (own.allowed && !allowed) this.local.refund(key, bucket, cost);
    });
  }

  private askStore(
    key: string,
    bucket: TokenBucket,
    cost: number,
    own: RateLimitDecision,
  ): RateLimitDecision | PendingDecision {
    const decided = this.outage.during(() => this.store.take(key, bucket, cost), {
      allow: () => PASS,
      local: () => own,
    });
    return isThenable(decided) ? { decided } : decided;
  }

  private bucketOf(limit: TokenBucketOptions, { factor = 1 }: BucketKey): TokenBucket {
    let bucket = this.buckets.get(limit);
    if (!bucket) {
      const problems = new Problems();
      checkTokenBucket('rate limit', limit, problems);
      problems.throwIfAny();
      bucket = tokenBucket(limit);
      this.buckets.set(limit, bucket);
    }
    // A bucket with `factor` times the tokens fills in the same time.
    return factor === 1 ? bucket : { ...bucket, interval: bucket.interval / factor };
  }
}

/** Calls a function with a decision, now or when it arrives. @returns the decision */
function decidedBy(
  decision: RateLimitDecision | PendingDecision,
  note: (decision: RateLimitDecision) => void,
): RateLimitDecision | PendingDecision {
  if ('decided' in decision) decision.decided.then(contained(note), () => undefined);
  else note(decision);
  return decision;
}

function namedKey(key: string | BucketKey): BucketKey {
  return typeof key === 'string' ? { table: 'application', key } : key;
}

/** Accepts a request if no store can decide. */
const PASS: RateLimitDecision = { allowed: true, remaining: 0, retryAfter: 0, resetAfter: 0 };

/** Adds a problem for each invalid number of a limit. */
export function checkTokenBucket(
  path: string,
  limit: TokenBucketOptions,
  problems: Problems,
): void {
  problems.positive(`${path}: rate`, limit.rate, { required: true });
  problems.positive(`${path}: per`, limit.per);
  problems.integer(`${path}: burst`, limit.burst, { min: 1 });
  problems.boolean(`${path}: exact`, limit.exact);
  if (limit.rate > 0 && tokenBucket(limit).fillTime === Infinity)
    problems.add(`${path}: rate`, 'is too small for its period');
}
