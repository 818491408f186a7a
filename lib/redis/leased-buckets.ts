import {
  capacityOf,
  type RateLimitDecision,
  TOLERANCE,
  type TokenBucket,
} from '../rate-limit/index.js';

/** How long a node may use leased tokens, in milliseconds. Redis counts them as leased at least that long. */
export const LEASE_TIME = 500;
/** The fraction of a bucket that all nodes together may lease. */
const SHARE = 0.02;
/** A key that uses fewer tokens than this during a lease gets no lease: returning it would cost more calls. */
const MIN_USE = 4;

/** A lease that a node ends. Redis settles the used tokens, and returns the unused ones to the bucket. */
export interface EndedLease {
  /** It is empty if there was no lease. */
  readonly id: string;
  readonly unused: number;
}

/** A lease of tokens that Redis has granted. */
export interface Grant {
  readonly id: string;
  readonly granted: number;
  /** Milliseconds until the bucket is full. Leased tokens count as used. */
  readonly resetAfter: number;
}

interface LeasedBucket {
  readonly bucket: TokenBucket;
  tokens: number;
  granted: number;
  id: string;
  /** When the lease ends, and when the bucket is full by the last reply, in monotonic milliseconds. */
  until: number;
  fullAt: number;
  /** The tokens used since `since`, and during the lease time before it. */
  since: number;
  used: number;
  usedBefore: number;
  isRequested: boolean;
}

export const NO_LEASE: EndedLease = { id: '', unused: 0 };

/** Returns how many tokens of a bucket all nodes together may lease. */
export function leasableOf(bucket: TokenBucket): number {
  return bucket.exact ? 0 : Math.floor(capacityOf(bucket) * SHARE + TOLERANCE);
}

/**
 * The tokens that this node has leased from buckets in Redis. A busy key gets as many tokens as it used during the last lease.
 * Redis counts leased tokens as used, so all nodes together never exceed the limit of the bucket.
 */
export class LeasedBuckets {
  private readonly leases = new Map<string, LeasedBucket>();

  /** @param maxKeys the maximum number of keys with leases */
  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.leases.size;
  }

  /** Takes tokens from a lease. @returns undefined if Redis must decide */
  take(key: string, bucket: TokenBucket, cost: number, now: number): RateLimitDecision | undefined {
    const lease = this.find(key, bucket);
    if (!lease || lease.tokens < cost || lease.until <= now) return undefined;
    lease.tokens -= cost;
    noteUse(lease, cost, now);
    const { interval, fillTime } = bucket;
    const resetAfter = Math.max(0, lease.fullAt - now);
    return {
      allowed: true,
      remaining: Math.floor((fillTime - resetAfter) / interval + lease.tokens + TOLERANCE),
      retryAfter: 0,
      resetAfter,
    };
  }

  /** Returns how many additional tokens to lease. If it is not 0, the caller must call `granted` or `failed` afterwards. */
  want(key: string, bucket: TokenBucket, needed: number, now: number): number {
    const most = leasableOf(bucket);
    if (most < 1) return 0;
    let lease = this.find(key, bucket);
    if (!lease) {
      if (this.leases.size >= this.maxKeys || this.leases.has(key)) return 0;
      lease = newLease(bucket, now);
      this.leases.set(key, lease);
    }
    noteUse(lease, 0, now);
    const recent = Math.ceil(Math.max(lease.used, lease.usedBefore));
    noteUse(lease, needed, now);
    if (lease.isRequested || recent < MIN_USE) return 0;
    // The lease was granted while these requests waited. Ending it would make the next requests wait, too.
    if (needed > 0 && lease.tokens >= needed && lease.until > now) return 0;
    lease.isRequested = true;
    return Math.min(recent, most);
  }

  /** Ends the lease of a key. The caller sends the result to Redis with the next call. */
  end(key: string, bucket: TokenBucket): EndedLease {
    const lease = this.find(key, bucket);
    if (!lease || lease.granted === 0) return NO_LEASE;
    const { id, tokens: unused } = lease;
    lease.granted = lease.tokens = 0;
    return { id, unused };
  }

  /** Stores a granted lease. @param sentAt when the call was sent: the lease began at that time or later */
  granted(key: string, bucket: TokenBucket, grant: Grant, sentAt: number): void {
    const lease = this.find(key, bucket);
    if (!lease) return;
    lease.isRequested = false;
    lease.tokens = lease.granted = grant.granted;
    lease.id = grant.id;
    lease.until = sentAt + LEASE_TIME;
    lease.fullAt = sentAt + grant.resetAfter;
  }

  failed(key: string, bucket: TokenBucket): void {
    const lease = this.find(key, bucket);
    if (lease) lease.isRequested = false;
  }

  /** Returns the keys whose leases end before a time and must be returned. Removes unused keys. */
  endingBefore(time: number, now: number): [key: string, bucket: TokenBucket][] {
    const ending: [string, TokenBucket][] = [];
    for (const [key, lease] of this.leases) {
      if (lease.granted > 0) {
        if (lease.until < time) ending.push([key, lease.bucket]);
      } else if (!lease.isRequested && now - lease.since >= 2 * LEASE_TIME) this.leases.delete(key);
    }
    return ending;
  }

  private find(key: string, bucket: TokenBucket): LeasedBucket | undefined {
    const lease = this.leases.get(key);
    // Two limits with one key share a bucket in Redis, but not a lease.
    return lease && isSame(lease.bucket, bucket) ? lease : undefined;
  }
}

/** Whether two limits are equal. */
export function isSame(a: TokenBucket, b: TokenBucket): boolean {
  return a.interval === b.interval && a.fillTime === b.fillTime && a.exact === b.exact;
}

function newLease(bucket: TokenBucket, now: number): LeasedBucket {
  return {
    bucket,
    tokens: 0,
    granted: 0,
    id: '',
    until: now,
    fullAt: now,
    since: now,
    used: 0,
    usedBefore: 0,
    isRequested: false,
  };
}

function noteUse(lease: LeasedBucket, tokens: number, now: number): void {
  const past = now - lease.since;
  if (past >= LEASE_TIME) {
    lease.usedBefore = past < 2 * LEASE_TIME ? lease.used : 0;
    lease.used = 0;
    lease.since = now;
  }
  lease.used += tokens;
}
