import { RefusalError } from '../protocol/index.js';

/**
 * A token bucket kept as one number: the time at which the bucket will be full again, as in the Generic Cell
 * Rate Algorithm (ITU-T I.371), which calls it the theoretical arrival time. Taking a token moves that time
 * one interval on; a request passes while it lies no further ahead than a whole bucket takes to fill.
 */
export interface TokenBucket {
  /** Milliseconds in which one token flows in. */
  readonly interval: number;
  /** Milliseconds in which an empty bucket fills. */
  readonly fillTime: number;
}

export interface TokenBucketOptions {
  /** Tokens that flow in per period: how many requests pass in the long run. */
  rate: number;
  /** The period, in milliseconds. @default 1000 */
  per?: number;
  /** Tokens the bucket holds: how many requests pass at once. @default the rate, rounded up */
  burst?: number;
}

export interface RateLimitDecision {
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Milliseconds until this request would pass; 0 when it did. */
  readonly retryAfter: number;
  /** Milliseconds until the bucket is full. */
  readonly resetAfter: number;
}

/** A decision that a store was asked for and that is still on its way. */
export interface PendingDecision {
  /** What the store itself will answer. */
  readonly asked: Promise<RateLimitDecision>;
  /** The decision, whatever becomes of the store. */
  readonly decided: Promise<RateLimitDecision>;
}

export function tokenBucket({
  rate,
  per = 1000,
  burst = Math.ceil(rate),
}: TokenBucketOptions): TokenBucket {
  const interval = per / rate;
  return { interval, fillTime: burst * interval };
}

/** How many tokens a bucket holds. */
export function capacityOf(bucket: TokenBucket): number {
  return Math.round(bucket.fillTime / bucket.interval);
}

/** Rounding of times must not cost the last token of a burst: a thousandth of a token is forgiven. */
export const TOLERANCE = 1e-3;

/**
 * When a bucket will be full after taking tokens, or undefined when it does not hold that many.
 *
 * @param fullAt when the bucket is full; anything up to `now` means it is
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

/** Takes tokens and says what came of it; `fullAt` of the answer is what to remember. */
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

/** @throws RefusalError `RATE_LIMITED` when a decision was against it */
export function passOrRefuse({ allowed, retryAfter }: RateLimitDecision): true {
  if (!allowed) throw new RefusalError('RATE_LIMITED', retryAfter);
  return true;
}
