import type { MaybePromise } from '../maybe-promise.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import type { EventGroup } from './event-group.js';
import type { LogEntry, NewEntry } from './log-entry.js';

export type { LogEntry, NewEntry };

/** A request for a page of the log. */
export interface LogQuery {
  readonly channels: readonly string[];
  /** The cursor before the first entry. Undefined starts at the oldest entry. A cursor that the log does not know is a gap. */
  readonly after: string | undefined;
  /** The maximum number of returned entries. */
  readonly limit: number;
  /** Whether to return entries of a type. By default all types are returned. The log may scan more entries than it returns. */
  readonly matches?: (type: string) => boolean;
}

/** Consecutive entries of the log. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** The cursor for the next page. */
  readonly cursor: string;
  /** Whether entries between the cursor of the query and the first entry of this page may be lost. */
  readonly isGap: boolean;
  /** Whether the log had no further entries at the time of the read. */
  readonly isEnd: boolean;
  /** The number of scanned entries. */
  readonly scanned: number;
}

/** Receives the entries that any node appends to the channels of this node. */
export interface LogFollower {
  entry(entry: LogEntry): void;
  /** Called when every entry up to a cursor was delivered, if the entry at the cursor belongs to no channel of this node. */
  reached?(cursor: string): void;
  /** Called when this node may have lost entries. All further entries come after the cursor. */
  gap(cursor: string): void;
}

/**
 * Stores the events of the mesh: one sequence of entries for all nodes. Each entry belongs to one channel. If a channel has too
 * many entries or characters, its oldest entries are dropped. A port: replace it by DI, or together with all other stores.
 */
export abstract class EventLog {
  /** Whether only this process can add or change entries. The mesh adds a MAC to the entries of all other logs. */
  readonly isPrivate: boolean = false;

  /**
   * Appends an entry.
   *
   * @returns its cursor
   * @throws if storing is not confirmed; the entry may be stored nevertheless
   */
  abstract append(entry: NewEntry): MaybePromise<string>;

  /** Reads the entries after a cursor. */
  abstract read(query: LogQuery): MaybePromise<LogPage>;

  /**
   * Starts to deliver the entries of the public channel and of every channel passed to `listen`. Each entry is delivered once
   * and in order, even if the connection to the store is lost meanwhile. Called once.
   *
   * @returns the cursor after which entries are delivered
   */
  abstract follow(follower: LogFollower): MaybePromise<string>;

  /**
   * Adds a channel whose entries the follower receives. Resolves when every entry that is appended from then on is received.
   * Every call needs one call of `unlisten`.
   */
  abstract listen(channel: string): MaybePromise<void>;

  abstract unlisten(channel: string): void;

  /**
   * Returns the cursor since which a user has the right to a pattern. A known right counts from its first grant, a new right
   * from now. The log remembers a right about as long as it remembers events.
   *
   * @param since the cursor since which a new right counts, if it is earlier than now
   */
  abstract grant(user: string, pattern: string, since?: string): MaybePromise<string>;

  /** Removes all rights of a user, or the right to one pattern. */
  abstract withdraw(user: string, pattern?: string): MaybePromise<void>;

  /**
   * Joins the group with a name. One member of the group handles each public event.
   *
   * @param _after the cursor after which a new group begins
   * @returns null if the application has only one process: its handler receives each event once anyway
   * @throws SemanticEventsConfigError unless an implementation overrides it
   */
  openGroup(name: string, _after: string): EventGroup | null {
    throw new SemanticEventsConfigError([
      `${name}: this EventLog has no openGroup(), which delivery: 'once' needs`,
    ]);
  }
}
