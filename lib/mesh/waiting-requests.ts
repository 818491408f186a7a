/** Limits of waiting requests on one node. */
export interface WaitingLimits {
  readonly maxPerConnection: number;
  /** Estimated bytes. */
  readonly maxBytesPerConnection: number;
  /** Estimated bytes of all connections of one user. */
  readonly maxBytesPerUser: number;
}

/** Tracks the memory of all waiting requests on this node. */
export class WaitingRequests {
  private readonly bytesByUser = new Map<string, number>();

  constructor(private readonly limits: WaitingLimits) {}

  /** Returns the waiting requests of one connection. */
  open(): ConnectionRequests {
    return new ConnectionRequests(this.limits, this.bytesByUser);
  }

  /** The number of users with waiting requests. */
  get users(): number {
    return this.bytesByUser.size;
  }
}

/** The waiting requests of one connection. */
export class ConnectionRequests {
  private count = 0;
  private bytes = 0;

  constructor(
    private readonly limits: WaitingLimits,
    private readonly bytesByUser: Map<string, number>,
  ) {}

  /**
   * Reserves memory for one more request.
   *
   * @param weight the estimated memory of the request in bytes
   * @returns a function that frees the memory, or undefined if a limit is reached
   */
  reserve(user: string, weight: number): (() => void) | undefined {
    const { maxPerConnection, maxBytesPerConnection, maxBytesPerUser } = this.limits;
    const userBytes = (this.bytesByUser.get(user) ?? 0) + weight;
    if (
      this.count >= maxPerConnection ||
      this.bytes + weight > maxBytesPerConnection ||
      userBytes > maxBytesPerUser
    )
      return undefined;
    this.count++;
    this.bytes += weight;
    this.bytesByUser.set(user, userBytes);
    return () => {
      this.count--;
      this.bytes -= weight;
      const left = (this.bytesByUser.get(user) ?? 0) - weight;
      if (left > 0) this.bytesByUser.set(user, left);
      else this.bytesByUser.delete(user);
    };
  }
}
