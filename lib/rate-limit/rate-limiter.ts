import { Injectable } from '@nestjs/common';
import { Problems } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { RateLimitStore } from './rate-limit-store.js';
import {
  capacityOf,
  type RateLimitDecision,
  type TokenBucket,
  tokenBucket,
  type TokenBucketOptions,
} from './token-bucket.js';

/** Token-bucket rate limits for anything that has a key. */
@Injectable()
export class RateLimiter {
  private readonly buckets = new WeakMap<TokenBucketOptions, TokenBucket>();

  constructor(private readonly store: RateLimitStore) {}

  /**
   * Takes tokens from the bucket of a key.
   *
   * @param limit keep the object between calls: it is validated once
   * @param cost tokens taken; more than 0 and at most the burst
   * @throws SemanticEventsConfigError for a limit that makes no sense or a cost the bucket can never hold
   */
  take(
    key: string,
    limit: TokenBucketOptions,
    cost = 1,
  ): RateLimitDecision | Promise<RateLimitDecision> {
    const bucket = this.bucketOf(limit);
    if (!(cost > 0 && cost <= capacityOf(bucket)))
      throw new SemanticEventsConfigError([
        'rate limit: cost must be above 0 and at most the burst',
      ]);
    return this.store.take(key, bucket, cost);
  }

  /**
   * Puts tokens back that were taken for what, in the end, is not to be charged.
   *
   * @param limit the one they were taken by
   */
  refund(key: string, limit: TokenBucketOptions, tokens = 1): void | Promise<void> {
    return this.store.refund(key, this.bucketOf(limit), tokens);
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

/** Notes what is wrong with the numbers of a limit. */
export function checkTokenBucket(
  path: string,
  limit: TokenBucketOptions,
  problems: Problems,
): void {
  problems.positive(`${path}: rate`, limit.rate, { required: true });
  problems.positive(`${path}: per`, limit.per);
  problems.integer(`${path}: burst`, limit.burst, { min: 1 });
  if (limit.rate > 0 && !Number.isFinite((limit.per ?? 1000) / limit.rate))
    problems.add(`${path}: rate`, 'is too small for its period');
}
