import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { PUBLIC } from './audience.js';
import { AudienceHistories } from './audience-histories.js';
import { ChannelHistory, type HistoryLimits, HistoryWalk } from './channel-history.js';
import { cursorOf, hasReached, MAX_NUMBER, parseCursor, type Place } from './cursor.js';
import {
  EventLog,
  type LogFollower,
  type LogPage,
  type LogQuery,
  type NewEntry,
} from './event-log.js';
import { Grants } from './grants.js';
import { mergeHistories } from './merge-histories.js';

export interface InMemoryEventLogLimits extends HistoryLimits {
  /** The maximum number of stored events of one audience. */
  readonly maxEventsPerAudience: number;
  /** The maximum number of stored characters of one audience. */
  readonly maxHistorySizePerAudience: number;
}

/** The event log of an application with a single process. Its epoch ends with the process. */
export class InMemoryEventLog extends EventLog {
  override readonly isPrivate: boolean = true;
  private readonly everybody: ChannelHistory;
  private readonly addressed: AudienceHistories;
  private readonly listeners = new Map<string, number>();
  private readonly grants = new Grants();
  private readonly start: Place;
  private last: Place;
  private follower: LogFollower | undefined;

  constructor(
    limits: InMemoryEventLogLimits,
    private readonly clock: Clock,
  ) {
    super();
    this.everybody = new ChannelHistory(limits);
    this.addressed = new AudienceHistories(limits, {
      maxEvents: limits.maxEventsPerAudience,
      maxHistorySize: limits.maxHistorySizePerAudience,
    });
    const epoch = randomBytes(3).toString('hex');
    this.start = this.last = { epoch, time: Math.max(0, Math.floor(clock.now())), number: 0 };
  }

  append(entry: NewEntry): string {
    const time = Math.max(this.last.time, Math.floor(this.clock.now()));
    const number = time === this.last.time ? this.last.number + 1 : 0;
    this.last =
      number > MAX_NUMBER
        ? { ...this.last, time: time + 1, number: 0 }
        : { ...this.last, time, number };
    const { channel, type, text } = entry;
    const added = { cursor: cursorOf(this.last), channel, type, text };
    if (channel === PUBLIC) this.everybody.add(added);
    else this.addressed.add(added);
    if (channel === PUBLIC || this.listeners.has(channel)) this.follower?.entry(added);
    return added.cursor;
  }

  read({ channels, after, limit, matches }: LogQuery): LogPage {
    const place = after === undefined ? undefined : this.placeOf(after);
    const walks = channels.map(channel => {
      const history = channel === PUBLIC ? this.everybody : this.addressed.of(channel);
      if (history) return history.walk(place);
      const { dropped } = this.addressed;
      const isGap =
        place !== undefined && dropped !== undefined && !hasReached(cursorOf(place), dropped);
      return new HistoryWalk([], 0, isGap);
    });
    const page = mergeHistories(walks, limit, cursorOf(this.last), matches);
    return after !== undefined && !this.knows(place) ? { ...page, isGap: true } : page;
  }

  follow(follower: LogFollower): string {
    this.follower = follower;
    return cursorOf(this.last);
  }

  listen(channel: string): void {
    this.listeners.set(channel, (this.listeners.get(channel) ?? 0) + 1);
  }

  unlisten(channel: string): void {
    const count = (this.listeners.get(channel) ?? 0) - 1;
    if (count > 0) this.listeners.set(channel, count);
    else this.listeners.delete(channel);
  }

  grant(user: string, pattern: string, since?: string): string {
    return this.grants.grant(user, pattern, since ?? cursorOf(this.last));
  }

  withdraw(user: string, pattern?: string): void {
    this.grants.withdraw(user, pattern);
  }

  override openGroup(): null {
    return null;
  }

  /** Returns the place of a cursor, or undefined if the cursor does not belong to this log. */
  private placeOf(cursor: string): Place | undefined {
    const place = parseCursor(cursor);
    return place?.epoch === this.last.epoch && hasReached(cursorOf(this.last), cursor)
      ? place
      : undefined;
  }

  private knows(place: Place | undefined): boolean {
    return place !== undefined && hasReached(cursorOf(place), cursorOf(this.start));
  }
}
