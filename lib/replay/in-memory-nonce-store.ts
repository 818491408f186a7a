import type { Clock } from '../clock.js';
import { RefusalError } from '../protocol/errors.js';
import { NonceStore } from './nonce-store.js';

/** How many expired keys one use clears: more than one, so that the store shrinks faster than it grows. */
const SWEEP_PER_USE = 2;

/**
 * Keeps keys in the order they came. Each use looks at the oldest few, so no step takes longer than another,
 * and nothing has to run in the background.
 */
export class InMemoryNonceStore extends NonceStore {
  private readonly expiries = new Map<string, number>();
  private sweeper = this.expiries.entries();
  private oldest: [string, number] | undefined;
  private latest = -Infinity;

  /** @param maxKeys how many keys are remembered at once before new ones are refused */
  constructor(
    private readonly maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** How many keys take up memory. */
  get size(): number {
    return this.expiries.size;
  }

  use(key: string, expiresAt: number): boolean {
    // A clock set back must not bring back to life what was forgotten.
    const now = (this.latest = Math.max(this.latest, this.clock.now()));
    this.sweep(now);
    if (expiresAt < now) return false;
    const known = this.expiries.get(key);
    if (known !== undefined) {
      if (known >= now) return false;
      this.expiries.delete(key);
    }
    if (this.expiries.size >= this.maxKeys) throw new RefusalError('UNAVAILABLE');
    this.expiries.set(key, expiresAt);
    return true;
  }

  private sweep(now: number): void {
    for (let swept = 0; swept < SWEEP_PER_USE; swept++) {
      this.oldest ??= this.nextOldest();
      if (!this.oldest) return;
      const [key, expiresAt] = this.oldest;
      if (expiresAt >= now) return;
      this.expiries.delete(key);
      this.oldest = undefined;
    }
  }

  /** One iterator lives on from use to use: a new one would step over every key deleted since. */
  private nextOldest(): [string, number] | undefined {
    let next = this.sweeper.next();
    if (next.done && this.expiries.size > 0) {
      this.sweeper = this.expiries.entries();
      next = this.sweeper.next();
    }
    return next.done ? undefined : next.value;
  }
}
