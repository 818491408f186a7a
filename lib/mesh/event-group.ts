import type { MaybePromise } from '../maybe-promise.js';
import type { LogEntry } from './log-entry.js';

/** An entry that a node has claimed from the group. */
export interface ClaimedEntry extends LogEntry {
  /** How often nodes have claimed the entry, including this time. */
  readonly deliveries: number;
}

export interface ClaimedEntries {
  readonly entries: readonly ClaimedEntry[];
  /** How often the log dropped entries before a node had handled them. */
  readonly lost: number;
}

/**
 * The membership of this node in the group of all handlers with the same name. One member claims each public event, and
 * keeps it until its lease ends.
 */
export interface EventGroup {
  /** The duration of a lease in milliseconds. */
  readonly lease: number;
  /**
   * Claims entries that no other member has claimed.
   *
   * @param limit the maximum number of entries
   * @param isOverdue whether to claim entries with an expired lease first: their node may have crashed
   */
  claim(limit: number, isOverdue: boolean): MaybePromise<ClaimedEntries>;
  /** Confirms that entries were handled. No member claims them again. */
  done(cursors: readonly string[]): MaybePromise<void>;
  /** Renews the leases of entries that are still being handled. */
  renew(cursors: readonly string[]): MaybePromise<void>;
  /** Ends the membership. Other members can claim these entries at once. */
  leave(cursors: readonly string[]): MaybePromise<void>;
}
