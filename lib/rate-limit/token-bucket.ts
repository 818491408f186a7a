import { RefusalError } from '../protocol/index.js';

/**
 * A token bucket stored as one number: the time when the bucket will be full again. The Generic Cell Rate Algorithm (ITU-T
 * I.371) calls it the theoretical arrival time. Taking a token moves that time forward by one interval. A request passes if
 * the time is then at most one `fillTime` ahead.
 */
export interface TokenBucket {
  /** The time in which one token is added, in milliseconds. */
  readonly interval: number;
  /** The time in which an empty bucket fills, in milliseconds. */
  readonly fillTime: number;
  /** Whether a store must decide about each request itself, without leases. */
  readonly exact?: boolean;
}

export interface TokenBucketOptions {
  /** Tokens added per period: the number of requests that pass in the long run. */
  rate: number;
  /** The period, in milliseconds. @default 1000 */
  per?: number;
  /** The capacity of the bucket: the number of requests that pass at once. @default the rate, rounded up */
  burst?: number;
  /**
   * Whether nodes query Redis for each request. By default nodes lease up to 2 % of a burst for half a second. Together
   * they never accept more than the limit. While one node holds unused tokens, others may reject up to 4 % of a burst
   * early.
   * @default false
   */
  exact?: boolean;
}

export interface RateLimitDecision {
  readonly allowed: boolean;
  /** The number of whole tokens left. */
  readonly remaining: number;
  /** Milliseconds until this request could pass; 0 if it passed. */
  readonly retryAfter: number;
  /** Milliseconds until the bucket is full. */
  readonly resetAfter: number;
}

/** A decision that is not available yet. */
export interface PendingDecision {
  readonly decided: Promise<RateLimitDecision>;
}

export function tokenBucket({
  rate,
  per = 1000,
  burst = Math.ceil(rate),
  exact = false,
}: TokenBucketOptions): TokenBucket {
  const interval = per / rate;
  return { interval, fillTime: burst * interval, exact };
}

/** Returns the number of tokens in a full bucket. */
export function capacityOf(bucket: TokenBucket): number {
  return Math.round(bucket.fillTime / bucket.interval);
}

/** The tolerance, as part of a token. Rounding of times must not cost the last token of a burst. */
export const TOLERANCE = 1e-3;

/**
 * Returns the time when the bucket will be full after taking tokens; undefined if it has too few.
 *
 * @param fullAt the time when the bucket is full; a time up to `now` means that it is full
 */
export function takeTokens(
  bucket: TokenBucket,
  fullAt: number,
  now: number,
  cost: number,
): number | undefined {
  const next = Math.max(fullAt, now) + cost * bucket.interval;
  return next - now <= bucket.fillTime + TOLERANCE * bucket.interval ? next : undefined;
}

/** Takes tokens and returns the decision. Store the returned `fullAt`. */
export function decide(
  bucket: TokenBucket,
  fullAt: number,
  now: number,
  cost: number,
): RateLimitDecision & { fullAt: number } {
  const next = takeTokens(bucket, fullAt, now, cost);
  const after = next ?? Math.max(fullAt, now);
  return {
    allowed: next !== undefined,
    remaining: Math.max(
      0,
      Math.floor((bucket.fillTime - (after - now)) / bucket.interval + TOLERANCE),
    ),
    retryAfter: next === undefined ? after - now + cost * bucket.interval - bucket.fillTime : 0,
    resetAfter: after - now,
    fullAt: after,
  };
}

/** The maximum `retryAfter` for a key that was rejected because the table is full, in milliseconds. */
const NO_ROOM_RETRY = 1_000;

/** Rejects a new key if the table is full, as an empty bucket would. No other key loses its bucket. */
export function noRoomIn(bucket: TokenBucket, cost: number): RateLimitDecision {
  const refusal = decide(bucket, bucket.fillTime, 0, cost);
  return { ...refusal, retryAfter: Math.min(refusal.retryAfter, NO_ROOM_RETRY) };
}

/** Throws if the decision rejects. @throws RefusalError `RATE_LIMITED` */
export function passOrRefuse({ allowed, retryAfter }: RateLimitDecision): true {
  if (!allowed)
    throw new RefusalError('RATE_LIMITED', { retryAfter, reason: 'the @RateLimit of the handler' });
  return true;
}
