import { takeTokens, type TokenBucket, tokenBucket } from '../rate-limit/index.js';

export interface FrameMeterOptions {
  readonly messageRate: number;
  readonly messageBurst: number;
  readonly maxStrikes: number;
}

/** How many offences are forgiven a second. */
const FORGIVENESS = 1;

/** The buckets that all connections have alike. */
export interface FrameBuckets {
  readonly frames: TokenBucket;
  readonly strikes: TokenBucket;
}

export function frameBuckets(options: FrameMeterOptions): FrameBuckets {
  const { messageRate, messageBurst, maxStrikes } = options;
  return {
    frames: tokenBucket({ rate: messageRate, burst: messageBurst }),
    strikes: tokenBucket({ rate: FORGIVENESS, burst: maxStrikes }),
  };
}

/** What one connection may send, and how much it may get wrong, before it is closed. */
export class FrameMeter {
  private framesFullAt = -Infinity;
  private strikesFullAt: number | undefined;

  constructor(private readonly buckets: FrameBuckets) {}

  /**
   * Charges one frame.
   *
   * @param now monotonic milliseconds
   * @returns 0 when it is within the limit, else the milliseconds until one will be
   */
  charge(now: number): number {
    const { frames } = this.buckets;
    const fullAt = takeTokens(frames, this.framesFullAt, now, 1);
    if (fullAt === undefined) return this.framesFullAt + frames.interval - frames.fillTime - now;
    this.framesFullAt = fullAt;
    return 0;
  }

  /** Notes an offence. @returns whether it is still forgiven */
  strike(now: number): boolean {
    const fullAt = takeTokens(this.buckets.strikes, this.strikesFullAt ?? -Infinity, now, 1);
    if (fullAt === undefined) return false;
    this.strikesFullAt = fullAt;
    return true;
  }
}
