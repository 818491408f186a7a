/** A count that a connection is added to, and its limit. */
export interface SlotClaim {
  readonly key: string;
  readonly limit: number;
}

/** The port for counts of connections, behind every connection limit. */
export abstract class ConnectionStore {
  /**
   * Adds a connection to several counts, in one atomic step. If one count is at its limit, none changes.
   *
   * @returns the first claim that is at its limit; undefined if the connection was counted
   */
  abstract acquire(
    claims: readonly SlotClaim[],
  ): SlotClaim | undefined | Promise<SlotClaim | undefined>;

  /** Removes a connection from the counts it was added to. */
  abstract release(keys: readonly string[]): void | Promise<void>;

  /** Returns the number of connections that a key counts. */
  abstract count(key: string): number | Promise<number>;
}
