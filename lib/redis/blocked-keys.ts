import type { RateLimitDecision, TokenBucket } from '../rate-limit/index.js';
import { isSame } from './leased-buckets.js';

interface Block {
  readonly bucket: TokenBucket;
  readonly cost: number;
  readonly remaining: number;
  /** When a request of this cost passes, and when the bucket is full, in monotonic milliseconds. */
  readonly passesAt: number;
  readonly fullAt: number;
}

/** Blocks with less remaining time than this are ignored, so that Redis decides. Milliseconds. */
const MARGIN = 1;

/**
 * Keys that have no tokens left. This node rejects a flood of requests for such a key without calling Redis. For a key that is
 * not stored here Redis decides, so the oldest key can be dropped to save memory.
 */
export class BlockedKeys {
  private readonly blocks = new Map<string, Block>();

  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.blocks.size;
  }

  /** Returns the rejection of a request that cannot pass yet, or undefined if Redis must decide. */
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
    // A request with a lower cost may pass although this one does not.
    if (cost < block.cost || !isSame(bucket, block.bucket)) return undefined;
    return {
      allowed: false,
      remaining: block.remaining,
      retryAfter: block.passesAt - now + (cost - block.cost) * bucket.interval,
      resetAfter: block.fullAt - now,
    };
  }

  /** Stores a rejection. @param requestedAt when the request was sent to Redis: Redis decided at that time or later */
  note(
    key: string,
    bucket: TokenBucket,
    cost: number,
    decision: RateLimitDecision,
    requestedAt: number,
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
      passesAt: requestedAt + retryAfter,
      fullAt: requestedAt + resetAfter,
    });
  }

  forget(key: string): void {
    this.blocks.delete(key);
  }
}
