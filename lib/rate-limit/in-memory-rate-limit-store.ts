import type { Clock } from '../clock.js';
import { hashOf, KeyTable } from '../key-table.js';
import { RateLimitStore } from './rate-limit-store.js';
import { decide, type RateLimitDecision, type TokenBucket } from './token-bucket.js';

/**
 * Keeps a key, with the time its bucket is full again, until then. Each new key has a few old ones looked at, so
 * nothing has to run in the background, and what is limited already costs one look-up.
 */
export class InMemoryRateLimitStore extends RateLimitStore {
  private readonly buckets: KeyTable;

  /** @param maxKeys how many keys are kept at once before requests of new ones are refused */
  constructor(
    maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
    this.buckets = new KeyTable(maxKeys);
  }

  /** How many keys take up memory. */
  get size(): number {
    return this.buckets.size;
  }

  take(key: string, bucket: TokenBucket, cost: number): RateLimitDecision {
    const { buckets } = this;
    const now = this.clock.monotonic();
    const hash = hashOf(key);
    const known = buckets.find(hash, key);
    const decision = decide(bucket, known ? (buckets.times[known] as number) : now, now, cost);
    if (known) buckets.times[known] = decision.fullAt;
    else if (decision.allowed && !buckets.add(now, hash, decision.fullAt, key)) {
      // A peer that can make up keys must neither grow the memory nor push out another's bucket: it gets an empty one.
      const refusal = decide(bucket, now + bucket.fillTime, now, cost);
      // There may be room again long before a token has flowed into a bucket that fills slowly.
      return { ...refusal, retryAfter: Math.min(refusal.retryAfter, 1_000) };
    }
    return decision;
  }

  refund(key: string, bucket: TokenBucket, tokens: number): void {
    const { buckets } = this;
    const known = buckets.find(hashOf(key), key);
    if (!known) return;
    buckets.times[known] = (buckets.times[known] as number) - tokens * bucket.interval;
    // A bucket that is full again takes up no memory.
    if (buckets.times[known] <= this.clock.monotonic()) buckets.remove(known);
  }
}
