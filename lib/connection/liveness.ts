export interface LivenessOptions {
  /** Milliseconds from one ping to the next. A client that has not answered by then is dead. */
  readonly heartbeatInterval: number;
  /** Milliseconds without a message until a connection is idle. */
  readonly idleTimeout: number;
}

export type LivenessStep = 'ping' | 'dead' | 'idle';

/** Decides when a ping is due, and when a connection is idle or dead. */
export class Liveness {
  private lastMessageAt: number;
  private pingAt: number;
  private isAnswered = true;

  /**
   * @param now monotonic milliseconds
   * @param jitter 0 to 1: the part of the interval before the first ping. It spreads the pings of connections that were opened
   *   together
   */
  constructor(
    private readonly options: LivenessOptions,
    now: number,
    jitter: number,
  ) {
    this.lastMessageAt = whole(now);
    this.pingAt = whole(now + jitter * options.heartbeatInterval);
  }

  /** Records a sign of life, such as a pong. */
  markAlive(): void {
    this.isAnswered = true;
  }

  /** Records a message, which also makes the connection active. */
  markActive(now: number): void {
    this.isAnswered = true;
    this.lastMessageAt = whole(now);
  }

  /** Returns the action that is due now, and schedules the next ping. */
  due(now: number): LivenessStep | undefined {
    if (now - this.lastMessageAt >= this.options.idleTimeout) return 'idle';
    if (now < this.pingAt) return undefined;
    if (!this.isAnswered) return 'dead';
    this.isAnswered = false;
    this.pingAt = whole(now + this.options.heartbeatInterval);
    return 'ping';
  }
}

/** Rounds up to a whole millisecond, because V8 stores a fraction in an object of its own. */
function whole(time: number): number {
  return Math.ceil(time);
}
