import type { RateLimitDecision, TokenBucket } from '../rate-limit/index.js';

interface Block {
  readonly bucket: TokenBucket;
  readonly cost: number;
  readonly remaining: number;
  /** When a request of this cost passes, and when the bucket is full: monotonic milliseconds. */
  readonly passesAt: number;
  readonly fullAt: number;
}

/** Less than these milliseconds before a request would pass, Redis is asked. */
const MARGIN = 1;

/**
 * Keys that are known to be out of tokens: a flood of requests for one is refused without Redis. A key that is
 * not here is merely asked for, so that the oldest can be given up for room.
 */
export class BlockedKeys {
  private readonly blocks = new Map<string, Block>();

  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.blocks.size;
  }

  /** The refusal of a request that cannot pass yet, or undefined when somebody must be asked. */
  refusal(
    key: string,
    bucket: TokenBucket,
    cost: number,
    now: number,
  ): RateLimitDecision | undefined {
    const block = this.blocks.get(key);
    if (!block) return undefined;
    if (block.passesAt - MARGIN <= now) {
      this.blocks.delete(key);
      return undefined;
    }
    // A cheaper request may pass where a dearer one does not.
    if (cost < block.cost || !isSame(bucket, block.bucket)) return undefined;
    return {
      allowed: false,
      remaining: block.remaining,
      retryAfter: block.passesAt - now + (cost - block.cost) * bucket.interval,
      resetAfter: block.fullAt - now,
    };
  }

  /** @param askedAt when the decision was asked for: it was made no earlier */
  note(
    key: string,
    bucket: TokenBucket,
    cost: number,
    decision: RateLimitDecision,
    askedAt: number,
  ): void {
    const { remaining, retryAfter, resetAfter } = decision;
    if (retryAfter <= MARGIN) return;
    this.blocks.delete(key);
    for (const oldest of this.blocks.keys()) {
      if (this.blocks.size < this.maxKeys) break;
      this.blocks.delete(oldest);
    }
    this.blocks.set(key, {
      bucket,
      cost,
      remaining,
      passesAt: askedAt + retryAfter,
      fullAt: askedAt + resetAfter,
    });
  }

  forget(key: string): void {
    this.blocks.delete(key);
  }
}

function isSame(a: TokenBucket, b: TokenBucket): boolean {
  return a.interval === b.interval && a.fillTime === b.fillTime;
}
