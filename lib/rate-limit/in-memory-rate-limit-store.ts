import type { Clock } from '../clock.js';
import { RateLimitStore } from './rate-limit-store.js';
import { decide, type RateLimitDecision, type TokenBucket } from './token-bucket.js';

/** How many keys a request of a new one looks at for one to drop: more than it may add. */
const SWEEP_PER_NEW_KEY = 2;

/**
 * Keeps a key only while its bucket is not full. Each request looks at the next few keys, round and round, so
 * no step takes longer than another, and nothing has to run in the background.
 */
export class InMemoryRateLimitStore extends RateLimitStore {
  private readonly fullTimes = new Map<string, number>();
  private sweeper = this.fullTimes.entries();

  /** @param maxKeys how many keys are kept at once before requests of new ones are refused */
  constructor(
    private readonly maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** How many keys take up memory. */
  get size(): number {
    return this.fullTimes.size;
  }

  take(key: string, bucket: TokenBucket, cost: number): RateLimitDecision {
    const now = this.clock.monotonic();
    const known = this.fullTimes.get(key);
    this.sweep(now, known === undefined ? SWEEP_PER_NEW_KEY : 1);
    // A peer that can make up keys must neither grow the memory nor push out another's bucket.
    if (known === undefined && this.fullTimes.size >= this.maxKeys) return refused(bucket);
    const decision = decide(bucket, known ?? now, now, cost);
    if (decision.allowed) this.fullTimes.set(key, decision.fullAt);
    return decision;
  }

  refund(key: string, bucket: TokenBucket, tokens: number): void {
    const fullAt = this.fullTimes.get(key);
    if (fullAt === undefined) return;
    const earlier = fullAt - tokens * bucket.interval;
    // A bucket that is full again takes up no memory.
    if (earlier <= this.clock.monotonic()) this.fullTimes.delete(key);
    else this.fullTimes.set(key, earlier);
  }

  private sweep(now: number, keys: number): void {
    for (let looked = 0; looked < keys; looked++) {
      const next = this.nextKey();
      if (!next) return;
      const [key, fullAt] = next;
      if (fullAt <= now) this.fullTimes.delete(key);
    }
  }

  /** One iterator goes round and round: a new one for each look would step over every key deleted since. */
  private nextKey(): [string, number] | undefined {
    let next = this.sweeper.next();
    if (next.done) {
      this.sweeper = this.fullTimes.entries();
      next = this.sweeper.next();
    }
    return next.done ? undefined : next.value;
  }
}

function refused(bucket: TokenBucket): RateLimitDecision {
  return { allowed: false, remaining: 0, retryAfter: bucket.interval, resetAfter: bucket.fillTime };
}
