import type { Clock } from '../clock.js';

/** A time of the clock of Redis, and the monotonic times at which it was requested and received. Milliseconds. */
interface Sample {
  readonly server: number;
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** Detects jumps of the clock of Redis, by the monotonic time that passes between two of its times. */
export class RedisClock {
  private last: Sample | undefined;

  constructor(private readonly clock: Clock) {}

  /**
   * Stores a time of Redis that has just been received.
   *
   * @param sentAt when it was requested, by the monotonic clock
   * @returns the milliseconds by which the clock has jumped since the last time, at least; negative if it was set back
   */
  jumpAt(server: number, sentAt: number): number {
    const receivedAt = this.clock.monotonic();
    const { last } = this;
    this.last = { server, sentAt, receivedAt };
    if (!last) return 0;
    const step = server - last.server;
    const longest = receivedAt - last.sentAt;
    const shortest = sentAt - last.receivedAt;
    return Math.max(0, step - longest) + Math.min(0, step - shortest);
  }
}
