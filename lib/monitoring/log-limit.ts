/** Keeps what can happen again and again from filling a log. */
export class LogLimit {
  private passedOver = 0;
  /** When the whole burst may be told again. */
  private fullAt = -Infinity;

  /**
   * @param burst how many are told at once
   * @param interval how often one more is, in milliseconds
   */
  constructor(
    private readonly burst: number,
    private readonly interval: number,
  ) {}

  /**
   * @param now monotonic milliseconds
   * @returns how many were passed over before this one; undefined when this one is, too
   */
  take(now: number): number | undefined {
    // Whole milliseconds, which add up exactly.
    now = Math.floor(now);
    const fullAt = Math.max(this.fullAt, now);
    if (fullAt - now > (this.burst - 1) * this.interval) {
      this.passedOver++;
      return undefined;
    }
    const { passedOver } = this;
    this.fullAt = fullAt + this.interval;
    this.passedOver = 0;
    return passedOver;
  }
}
