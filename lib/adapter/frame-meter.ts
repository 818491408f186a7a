import { takeTokens, type TokenBucket, tokenBucket } from '../rate-limit/index.js';

export interface FrameMeterOptions {
  readonly messageRate: number;
  readonly messageBurst: number;
  readonly maxStrikes: number;
}

/** How many offences are forgiven a second. */
const FORGIVENESS = 1;

/** What one connection may send, and how much it may get wrong, before it is closed. */
export class FrameMeter {
  private readonly frames: TokenBucket;
  private readonly strikes: TokenBucket;
  private framesFullAt = -Infinity;
  private strikesFullAt = -Infinity;

  constructor({ messageRate, messageBurst, maxStrikes }: FrameMeterOptions) {
    this.frames = tokenBucket({ rate: messageRate, burst: messageBurst });
    this.strikes = tokenBucket({ rate: FORGIVENESS, burst: maxStrikes });
  }

  /**
   * Charges one frame.
   *
   * @param now monotonic milliseconds
   * @returns 0 when it is within the limit, else the milliseconds until one will be
   */
  charge(now: number): number {
    const fullAt = takeTokens(this.frames, this.framesFullAt, now, 1);
    if (fullAt === undefined)
      return this.framesFullAt + this.frames.interval - this.frames.fillTime - now;
    this.framesFullAt = fullAt;
    return 0;
  }

  /** Notes an offence. @returns whether it is still forgiven */
  strike(now: number): boolean {
    const fullAt = takeTokens(this.strikes, this.strikesFullAt, now, 1);
    if (fullAt === undefined) return false;
    this.strikesFullAt = fullAt;
    return true;
  }
}
