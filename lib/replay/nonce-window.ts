/** The outcome for a nonce. */
export type NonceOutcome = 'new' | 'used' | 'forgotten';

/**
 * The nonces of one signing key, limited in number. A full window drops the older half of its events and raises its
 * watermark to the newest dropped time. It cannot tell whether an event at or before the watermark is a replay.
 */
export class NonceWindow {
  /** Times of events, in milliseconds since the Unix epoch, by nonce. */
  private readonly times = new Map<string, number>();
  private watermark = -Infinity;

  /** @param maxNonces the maximum number of stored nonces */
  constructor(private readonly maxNonces: number) {}

  get size(): number {
    return this.times.size;
  }

  /** @param time the `time` of the event, in milliseconds since the Unix epoch */
  use(nonce: string, time: number): NonceOutcome {
    if (this.times.has(nonce)) return 'used';
    if (this.times.size >= this.maxNonces) this.forgetOlderHalf();
    if (time <= this.watermark) return 'forgotten';
    this.times.set(nonce, time);
    return 'new';
  }

  private forgetOlderHalf(): void {
    const times = Float64Array.from(this.times.values()).sort();
    this.watermark = times[times.length >> 1] ?? -Infinity;
    for (const [nonce, time] of this.times) if (time <= this.watermark) this.times.delete(nonce);
  }
}
