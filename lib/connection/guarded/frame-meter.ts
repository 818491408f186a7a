import { takeTokens, type TokenBucket, tokenBucket } from '../../rate-limit/index.js';

export interface FrameMeterOptions {
  readonly messageRate: number;
  readonly messageBurst: number;
  readonly maxStrikes: number;
}

/** Forgiven offences per second. */
const FORGIVENESS = 1;

/** The units of a client that may only authenticate. They are enough for a few tokens and for 16 Socket.IO namespaces. */
const UNAUTHENTICATED = { rate: 2, burst: 20 };

/** The bucket sizes of a connection. All connections share them. */
export interface FrameBuckets {
  readonly frames: TokenBucket;
  /** Replaces `frames` before authentication if no handler is `@Public()`. */
  readonly unauthenticated: TokenBucket;
  readonly strikes: TokenBucket;
}

export function frameBuckets(options: FrameMeterOptions): FrameBuckets {
  const { messageRate, messageBurst, maxStrikes } = options;
  return {
    frames: tokenBucket({ rate: messageRate, burst: messageBurst }),
    unauthenticated: tokenBucket({
      rate: Math.min(UNAUTHENTICATED.rate, messageRate),
      burst: Math.min(UNAUTHENTICATED.burst, messageBurst),
    }),
    strikes: tokenBucket({ rate: FORGIVENESS, burst: maxStrikes }),
  };
}

/** Limits the units of one connection, and its offences before it is closed. */
export class FrameMeter {
  private framesFullAt = -Infinity;
  private strikesFullAt: number | undefined;
  private frames: TokenBucket;

  /** @param isRestricted whether the client may only authenticate */
  constructor(
    private readonly buckets: FrameBuckets,
    isRestricted = false,
  ) {
    this.frames = isRestricted ? buckets.unauthenticated : buckets.frames;
  }

  /** Grants the full limit to an authenticated client. */
  lift(): void {
    if (this.frames === this.buckets.frames) return;
    this.frames = this.buckets.frames;
    this.framesFullAt = -Infinity;
  }

  /**
   * Charges units. A frame that costs more than the burst passes if the bucket is full.
   *
   * @param now monotonic milliseconds
   * @returns 0 if they are within the limit, otherwise the milliseconds to wait
   */
  charge(now: number, units = 1): number {
    const { frames } = this;
    const cost = units === 1 ? 1 : Math.min(units, frames.fillTime / frames.interval);
    const fullAt = takeTokens(frames, this.framesFullAt, now, cost);
    if (fullAt === undefined)
      return this.framesFullAt + cost * frames.interval - frames.fillTime - now;
    this.framesFullAt = fullAt;
    return 0;
  }

  /** Records an offence. @returns whether it is still forgiven */
  strike(now: number): boolean {
    const fullAt = takeTokens(this.buckets.strikes, this.strikesFullAt ?? -Infinity, now, 1);
    if (fullAt === undefined) return false;
    this.strikesFullAt = fullAt;
    return true;
  }
}
