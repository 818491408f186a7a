/** One count a connection is added to, and how far that may go. */
export interface SlotClaim {
  readonly key: string;
  readonly limit: number;
}

/** Counts connections: the port behind every connection limit. */
export abstract class ConnectionStore {
  /**
   * Adds a connection to several counts, in one atomic step: to all of them, or, where one is at its limit,
   * to none.
   *
   * @returns the first claim that was at its limit; undefined when the connection was counted
   */
  abstract acquire(
    claims: readonly SlotClaim[],
  ): SlotClaim | undefined | Promise<SlotClaim | undefined>;

  /** Takes a connection out of the counts it was added to. */
  abstract release(keys: readonly string[]): void | Promise<void>;

  /** How many connections a key counts. */
  abstract count(key: string): number | Promise<number>;
}
