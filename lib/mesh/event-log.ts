import type { MaybePromise } from '../maybe-promise.js';

/** One event of the log. */
export interface LogEntry {
  readonly cursor: string;
  /** The type of the event; empty for a note of the mesh to itself. */
  readonly type: string;
  /** The canonical JSON of the event, unsigned: whoever sends it on signs it for its reader. */
  readonly text: string;
}

/** Some entries of the log, in order. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Where to read on. */
  readonly cursor: string;
  /** Whether entries between the cursor asked for and the first of these may be gone. */
  readonly isGap: boolean;
  /** Whether there was nothing more when it was read. */
  readonly isEnd: boolean;
}

/** Told of what is appended to the log, by whatever node. */
export interface LogFollower {
  entry(entry: LogEntry): void;
  /** Entries were lost to this node; what follows comes after the cursor. */
  gap(cursor: string): void;
}

/**
 * What the event mesh remembers: one sequence of events for all nodes, of which the oldest are dropped. A port,
 * swapped by DI or with all other stores.
 */
export abstract class EventLog {
  /**
   * Adds an event behind all others.
   *
   * @returns its cursor
   * @throws when it is not known to be stored; it may be all the same
   */
  abstract append(type: string, text: string): MaybePromise<string>;

  /**
   * Reads on behind a cursor.
   *
   * @param after from the oldest entry on where it is undefined; one the log does not know is a gap
   * @param limit entries at most
   */
  abstract read(after: string | undefined, limit: number): MaybePromise<LogPage>;

  /**
   * Has somebody told of every entry from now on, each once and in order, over lost connections, too. Called once.
   *
   * @returns the cursor behind which entries are told
   */
  abstract follow(follower: LogFollower): MaybePromise<string>;
}
