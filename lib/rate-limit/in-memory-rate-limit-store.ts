import type { Clock } from '../clock.js';
import { RateLimitStore } from './rate-limit-store.js';
import { decide, type RateLimitDecision, type TokenBucket } from './token-bucket.js';

/** How many keys a request of a new one looks at for one to drop: more than it may add. */
const SWEEP_PER_NEW_KEY = 2;

/** Written in place: of what is taken most often, nothing is left to collect. */
interface Entry {
  fullAt: number;
}

/**
 * Keeps a key only while its bucket is not full. Each new key has the next few looked at, round and round, so
 * no step takes longer than another, nothing has to run in the background, and what is limited already costs one look-up.
 */
export class InMemoryRateLimitStore extends RateLimitStore {
  private readonly entries = new Map<string, Entry>();
  private sweeper = this.entries.entries();

  /** @param maxKeys how many keys are kept at once before requests of new ones are refused */
  constructor(
    private readonly maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** How many keys take up memory. */
  get size(): number {
    return this.entries.size;
  }

  take(key: string, bucket: TokenBucket, cost: number): RateLimitDecision {
    const now = this.clock.monotonic();
    const known = this.entries.get(key);
    if (known) {
      const decision = decide(bucket, known.fullAt, now, cost);
      known.fullAt = decision.fullAt;
      return decision;
    }
    this.sweep(now);
    // A peer that can make up keys must neither grow the memory nor push out another's bucket.
    if (this.entries.size >= this.maxKeys) return refused(bucket);
    const decision = decide(bucket, now, now, cost);
    if (decision.allowed) this.entries.set(key, { fullAt: decision.fullAt });
    return decision;
  }

  refund(key: string, bucket: TokenBucket, tokens: number): void {
    const known = this.entries.get(key);
    if (!known) return;
    known.fullAt -= tokens * bucket.interval;
    // A bucket that is full again takes up no memory.
    if (known.fullAt <= this.clock.monotonic()) this.entries.delete(key);
  }

  private sweep(now: number): void {
    for (let looked = 0; looked < SWEEP_PER_NEW_KEY; looked++) {
      const next = this.nextKey();
      if (!next) return;
      const [key, { fullAt }] = next;
      if (fullAt <= now) this.entries.delete(key);
    }
  }

  /** One iterator goes round and round: a new one for each look would step over every key deleted since. */
  private nextKey(): [string, Entry] | undefined {
    let next = this.sweeper.next();
    if (next.done) {
      this.sweeper = this.entries.entries();
      next = this.sweeper.next();
    }
    return next.done ? undefined : next.value;
  }
}

function refused(bucket: TokenBucket): RateLimitDecision {
  return { allowed: false, remaining: 0, retryAfter: bucket.interval, resetAfter: bucket.fillTime };
}
