/** Limits the lines about an event that clients can repeat, so that it cannot fill the log. */
export class LogLimit {
  private skipped = 0;
  /** When the full burst may be logged again. */
  private fullAt = -Infinity;

  /**
   * @param burst the number of events that are logged at once
   * @param interval the time until one more is logged, in milliseconds
   */
  constructor(
    private readonly burst: number,
    private readonly interval: number,
  ) {}

  /**
   * @param now monotonic milliseconds
   * @returns the number of skipped events before this one; undefined if this one is skipped too
   */
  take(now: number): number | undefined {
    // Whole milliseconds add up exactly.
    now = Math.floor(now);
    const fullAt = Math.max(this.fullAt, now);
    if (fullAt - now > (this.burst - 1) * this.interval) {
      this.skipped++;
      return undefined;
    }
    const { skipped } = this;
    this.fullAt = fullAt + this.interval;
    this.skipped = 0;
    return skipped;
  }
}
