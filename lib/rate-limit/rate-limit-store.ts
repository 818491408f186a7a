import type { RateLimitDecision, TokenBucket } from './token-bucket.js';

/** Stores one token bucket per key: the port of all rate limits. */
export abstract class RateLimitStore {
  /**
   * Takes tokens from the bucket of a key in one atomic step. A rejected request takes none.
   *
   * @param cost the number of tokens, at most the capacity of the bucket
   */
  abstract take(
    key: string,
    bucket: TokenBucket,
    cost: number,
  ): RateLimitDecision | Promise<RateLimitDecision>;

  /**
   * Returns tokens to the bucket of a key in one atomic step, up to its capacity.
   *
   * @param tokens the number of tokens, which were taken before
   */
  abstract refund(key: string, bucket: TokenBucket, tokens: number): void | Promise<void>;
}
