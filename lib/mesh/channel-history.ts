import { comparePlaces, cursorOf, hasReached, type Place, placeOf } from './cursor.js';
import type { LogEntry } from './event-log.js';

/** Limits of the history of one channel. */
export interface HistoryLimits {
  readonly maxEvents: number;
  /** Characters. */
  readonly maxHistorySize: number;
}

/** The entries after a position in a channel. */
export interface HistoryPart {
  readonly entries: LogEntry[];
  /** The cursor of the last entry that was scanned. It is undefined if nothing follows `entries`. */
  readonly until: string | undefined;
  /** Whether entries after the position were dropped. */
  readonly isGap: boolean;
  readonly scanned: number;
}

/** The maximum number of entries that one read scans, whether they match or not. */
export const MAX_SCANNED = 2_000;
/** The number of empty places of dropped entries before the array is compacted. */
const MAX_SLACK = 1_024;

/** A position in the entries of one channel. */
export class HistoryWalk {
  /** The place of `entry`. It is undefined at the end. */
  place: Place | undefined;

  /** @param isGap whether entries before the start were dropped */
  constructor(
    private readonly entries: readonly (LogEntry | undefined)[],
    private at: number,
    readonly isGap: boolean,
  ) {
    this.place = this.entry && placeOf(this.entry.cursor);
  }

  get entry(): LogEntry | undefined {
    return this.entries[this.at];
  }

  advance(): void {
    this.at++;
    this.place = this.entry && placeOf(this.entry.cursor);
  }
}

/** The newest entries of one channel, in memory. */
export class ChannelHistory {
  /** A dropped entry leaves an empty place, so that its text needs no memory. */
  private entries: (LogEntry | undefined)[] = [];
  private first = 0;
  private size = 0;
  private dropped: string | undefined;
  /** Whether a copy has every entry of its original. */
  isComplete = false;

  constructor(private readonly limits: HistoryLimits) {}

  get length(): number {
    return this.entries.length - this.first;
  }

  /** Characters. */
  get characters(): number {
    return this.size;
  }

  get newest(): LogEntry | undefined {
    return this.entries.at(-1);
  }

  all(): readonly LogEntry[] {
    return this.entries.slice(this.first) as LogEntry[];
  }

  get oldest(): LogEntry | undefined {
    return this.entries[this.first];
  }

  add(entry: LogEntry): void {
    this.entries.push(entry);
    this.size += entry.text.length;
    const { maxEvents, maxHistorySize } = this.limits;
    while (this.length > maxEvents || this.size > maxHistorySize) this.dropOldest();
  }

  /** Drops the oldest entry. */
  dropOldest(): void {
    const { oldest } = this;
    if (!oldest) return;
    this.size -= oldest.text.length;
    this.dropped = oldest.cursor;
    this.entries[this.first++] = undefined;
    if (this.first > MAX_SLACK && this.first * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
  }

  /** Records that entries older than the ones in this history were dropped elsewhere. */
  markDropped(cursor: string): void {
    this.dropped = cursor;
  }

  /** Reads the next entries. @param after the position before the first entry; undefined starts at the oldest entry */
  read(
    after: Place | undefined,
    limit: number,
    matches: (type: string) => boolean = () => true,
  ): HistoryPart {
    const cursor = after && cursorOf(after);
    const isGap = this.hasGapAfter(after);
    const start = after ? this.indexAfter(after) : this.first;
    const end = Math.min(this.entries.length, start + MAX_SCANNED);
    const entries: LogEntry[] = [];
    let at = start;
    for (; at < end && entries.length < limit; at++) {
      const entry = this.entries[at];
      if (entry && matches(entry.type)) entries.push(entry);
    }
    const until = at < this.entries.length ? (this.entries[at - 1]?.cursor ?? cursor) : undefined;
    return { entries, until, isGap, scanned: at - start };
  }

  /** Returns whether entries after a position were dropped. */
  hasGapAfter(after: Place | undefined): boolean {
    return (
      after !== undefined &&
      this.dropped !== undefined &&
      !hasReached(cursorOf(after), this.dropped)
    );
  }

  /** Reads entry by entry. The history must not change meanwhile. @param after as for `read` */
  walk(after: Place | undefined): HistoryWalk {
    const start = after ? this.indexAfter(after) : this.first;
    return new HistoryWalk(this.entries, start, this.hasGapAfter(after));
  }

  /** Finds the first entry after a position with a binary search. */
  private indexAfter(after: Place): number {
    let low = this.first;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const place = placeOf(this.entries[middle]?.cursor ?? '');
      if (comparePlaces(place, after) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
