import type { RateLimitDecision, TokenBucket } from './token-bucket.js';

/** Keeps one token bucket per key: the port behind every rate limit. */
export abstract class RateLimitStore {
  /**
   * Takes tokens from a key's bucket, in one atomic step. A refused request takes none.
   *
   * @param cost tokens, at most what the bucket holds
   */
  abstract take(
    key: string,
    bucket: TokenBucket,
    cost: number,
  ): RateLimitDecision | Promise<RateLimitDecision>;

  /**
   * Puts tokens back into a key's bucket, in one atomic step; never more than the bucket holds.
   *
   * @param tokens how many of those taken before
   */
  abstract refund(key: string, bucket: TokenBucket, tokens: number): void | Promise<void>;
}
