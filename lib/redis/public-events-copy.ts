import {
  ChannelHistory,
  hasReached,
  type HistoryLimits,
  type HistoryPart,
  type LogFollower,
  type LogQuery,
  PUBLIC,
} from '../mesh/index.js';
import { type EventLogReader, placeOf, type ReadParts } from './event-log-reader.js';

/** The number of entries per read when the copy is filled. */
const FILL_PAGE = 1_000;

type LogPlace = ReturnType<typeof placeOf> | undefined;

/** A copy of the public events in Redis, in the memory of a node that follows the log. */
export class PublicEventsCopy {
  private received = '';
  private history: ChannelHistory;
  private filling: Promise<void> | undefined;

  constructor(
    private readonly reader: EventLogReader,
    private readonly limits: HistoryLimits,
  ) {
    this.history = new ChannelHistory(limits);
    reader.onLoss(() => {
      this.clear();
    });
  }

  /** The cursor up to which this node has received events. */
  get position(): string {
    return this.received;
  }

  /** Begins an empty copy at a position of the log. */
  begin(position: string): void {
    this.received = position;
    this.clear();
  }

  /** Returns a follower that also adds delivered entries to the copy. */
  following(follower: LogFollower): LogFollower {
    return {
      entry: entry => {
        this.received = entry.cursor;
        if (entry.channel === PUBLIC) this.history.add(entry);
        follower.entry(entry);
      },
      reached: cursor => {
        this.received = cursor;
        follower.reached?.(cursor);
      },
      gap: cursor => {
        this.begin(cursor);
        follower.gap(cursor);
      },
    };
  }

  /** Reads the next entries, from Redis if the copy does not have them. @throws RedisUnavailableError by rejecting */
  async read(place: LogPlace, limit: number, matches: LogQuery['matches']): Promise<HistoryPart> {
    const isOther = place !== undefined && place.epoch !== this.reader.epoch;
    let part = this.history.read(place, limit, matches);
    if (part.isGap || isOther || place === undefined) {
      await this.fill();
      part = this.history.read(place, limit, matches);
    }
    return isOther ? { ...part, isGap: true } : part;
  }

  /** Reads all public events from Redis into the copy. Concurrent calls share one read. */
  private fill(): Promise<void> {
    return (this.filling ??= this.readAll().finally(() => {
      this.filling = undefined;
    }));
  }

  private async readAll(): Promise<void> {
    if (this.history.isComplete) return;
    const filled = new ChannelHistory(this.limits);
    const before = this.history;
    let after: LogPlace;
    let read: ReadParts;
    do {
      read = await this.reader.read([PUBLIC], after, FILL_PAGE);
      const [part] = read.parts;
      if (after === undefined && part?.dropped !== undefined) filled.markDropped(part.dropped);
      const entries = part?.entries ?? [];
      const { received } = this;
      const known = entries.filter(({ cursor }) => hasReached(received, cursor));
      for (const entry of known) filled.add(entry);
      // All later entries are delivered after this moment, and so are in `before`. Further pages must not be added: they would
      // begin after entries that are delivered meanwhile.
      const isBehind = known.length < entries.length;
      after = part?.until === undefined || isBehind ? undefined : placeOf(part.until);
    } while (after !== undefined);
    if (this.history !== before) return;
    // Entries that were delivered meanwhile may be in both: add only the later ones.
    const last = filled.newest?.cursor;
    for (const entry of before.all())
      if (last === undefined || !hasReached(last, entry.cursor)) filled.add(entry);
    filled.isComplete = true;
    this.history = filled;
  }

  private clear(): void {
    this.history = new ChannelHistory(this.limits);
    if (this.received !== '') this.history.markDropped(this.received);
  }
}
