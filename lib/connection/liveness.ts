export interface LivenessOptions {
  /** Milliseconds from one ping to the next; a peer that has not answered by then is gone. */
  readonly heartbeatInterval: number;
  /** Milliseconds without a message after which a connection is idle. */
  readonly idleTimeout: number;
}

export type LivenessStep = 'ping' | 'dead' | 'idle';

/** Tells when a connection is to be pinged, and when it is idle or dead. */
export class Liveness {
  private lastMessageAt: number;
  private pingAt: number;
  private isAnswered = true;

  /**
   * @param now monotonic milliseconds
   * @param jitter 0 to 1: where in its interval the first ping falls, so that many connections made at once
   *   are not pinged at once for ever after
   */
  constructor(
    private readonly options: LivenessOptions,
    now: number,
    jitter: number,
  ) {
    this.lastMessageAt = whole(now);
    this.pingAt = whole(now + jitter * options.heartbeatInterval);
  }

  /** Any sign of life, such as a pong. */
  heard(): void {
    this.isAnswered = true;
  }

  /** A message: the peer is not only alive but in use. */
  active(now: number): void {
    this.isAnswered = true;
    this.lastMessageAt = whole(now);
  }

  /** What is due now; asking again gives the next ping its date. */
  due(now: number): LivenessStep | undefined {
    if (now - this.lastMessageAt >= this.options.idleTimeout) return 'idle';
    if (now < this.pingAt) return undefined;
    if (!this.isAnswered) return 'dead';
    this.isAnswered = false;
    this.pingAt = whole(now + this.options.heartbeatInterval);
    return 'ping';
  }
}

/** Up to the next millisecond: numbers that are not whole take memory of their own in each connection. */
function whole(time: number): number {
  return Math.ceil(time);
}
