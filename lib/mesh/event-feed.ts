import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import { LogLimit, logUnexpected, SecurityEvents } from '../monitoring/index.js';
import { StoreOutage } from '../store-outage.js';
import { EntrySeal } from './entry-seal.js';
import type { EventGroup } from './event-group.js';
import {
  EventLog,
  type LogEntry,
  type LogFollower,
  type LogPage,
  type LogQuery,
  type NewEntry,
} from './event-log.js';

/** The interval between reports of entries without a valid MAC, in milliseconds. */
const FORGERY_INTERVAL = 60_000;

/**
 * Delivers the entries of the log to every follower in this process. It starts to follow the log when the first follower
 * needs it, so that an unused mesh costs nothing. It drops entries of a shared log that have no valid MAC.
 */
@Injectable()
export class EventFeed implements LogFollower {
  private readonly logger = new Logger('EventMesh');
  private readonly followers: LogFollower[] = [];
  /** Entries that arrived during the delivery of another entry, for example because a handler publishes. */
  private readonly waiting: LogEntry[] = [];
  private isDelivering = false;
  private starting: MaybePromise<string> | undefined;
  private current: string | undefined;
  private readonly outage: StoreOutage;
  private readonly forgeryLimit = new LogLimit(1, FORGERY_INTERVAL);

  constructor(
    private readonly log: EventLog,
    private readonly seal: EntrySeal,
    private readonly clock: Clock,
    events: SecurityEvents,
  ) {
    this.outage = new StoreOutage('events', 'deny', clock, events);
  }

  /** The cursor of the last delivered entry. It is undefined until the feed follows the log. */
  get position(): string | undefined {
    return this.current;
  }

  add(follower: LogFollower): void {
    this.followers.push(follower);
  }

  /**
   * Starts to follow the log, unless the feed already follows it.
   *
   * @returns the position
   * @throws RefusalError `UNAVAILABLE` if the log cannot be reached; the next call tries again
   */
  start(): MaybePromise<string> {
    const { current } = this;
    if (current !== undefined) return current;
    return (this.starting ??= recovering(
      () =>
        after(
          this.callLog(() => this.log.follow(this)),
          cursor => this.begin(cursor),
        ),
      error => {
        this.starting = undefined;
        throw error;
      },
    ));
  }

  /** Appends an entry. @throws RefusalError `UNAVAILABLE` if the log has not confirmed that it stored the entry */
  append(entry: NewEntry): MaybePromise<string> {
    const { log, seal } = this;
    return this.callLog(() => log.append(log.isPrivate ? entry : seal.seal(entry)));
  }

  /** @throws RefusalError `UNAVAILABLE` */
  read(query: LogQuery): MaybePromise<LogPage> {
    return after(
      this.callLog(() => this.log.read(query)),
      page => this.authentic(page),
    );
  }

  /** @throws RefusalError `UNAVAILABLE` */
  listen(channel: string): MaybePromise<void> {
    return this.callLog(() => this.log.listen(channel));
  }

  unlisten(channel: string): void {
    this.log.unlisten(channel);
  }

  /** @throws RefusalError `UNAVAILABLE` */
  grant(user: string, pattern: string, since?: string): MaybePromise<string> {
    return this.callLog(() => this.log.grant(user, pattern, since));
  }

  /** @throws RefusalError `UNAVAILABLE` */
  withdraw(user: string, pattern?: string): MaybePromise<void> {
    return this.callLog(() => this.log.withdraw(user, pattern));
  }

  entry(entry: LogEntry): void {
    this.waiting.push(entry);
    if (this.isDelivering) return;
    this.isDelivering = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) this.deliver(next);
    this.isDelivering = false;
  }

  reached(cursor: string): void {
    // The waiting entries move the position when they are delivered.
    if (!this.isDelivering) this.current = cursor;
  }

  gap(cursor: string): void {
    this.current = cursor;
    for (const follower of this.followers) follower.gap(cursor);
  }

  /** Whether the log supports groups, of which one node handles each event. */
  get hasGroups(): boolean {
    return this.log.openGroup !== EventLog.prototype.openGroup;
  }

  /** Opens a group. @throws SemanticEventsConfigError if the log does not support groups */
  openGroup(name: string, after: string): EventGroup | null {
    return this.log.openGroup(name, after);
  }

  /**
   * Calls the log or the room store, and reports an outage once.
   *
   * @throws RefusalError `UNAVAILABLE` if the call fails: the log has no fallback
   */
  callLog<T>(call: () => MaybePromise<T>): MaybePromise<T> {
    return this.outage.during(call);
  }

  private begin(cursor: string): string {
    this.current ??= cursor;
    return this.current;
  }

  private deliver(received: LogEntry): void {
    this.current = received.cursor;
    const entry = this.opened(received);
    if (!entry) return;
    for (const follower of this.followers) {
      try {
        follower.entry(entry);
      } catch (error) {
        logUnexpected(this.logger, error);
      }
    }
  }

  /** Returns the page without entries that have no valid MAC. A removed entry is reported as a gap. */
  private authentic(page: LogPage): LogPage {
    if (this.log.isPrivate) return page;
    const entries = page.entries.map(entry => this.opened(entry)).filter(isDefined);
    const isGap = page.isGap || entries.length < page.entries.length;
    return { ...page, entries, isGap };
  }

  /** Returns an entry as it was published, or undefined if it has no valid MAC. */
  opened<T extends LogEntry>(entry: T): T | undefined {
    if (this.log.isPrivate) return entry;
    const opened = this.seal.open(entry);
    if (!opened && this.forgeryLimit.take(this.clock.monotonic()) !== undefined)
      this.logger.error(
        'Dropped an entry of the event log without a valid MAC. Another application uses the same Redis prefix, ' +
          'a process without a signing key writes to Redis, or the key of the entry is not in force on this node',
      );
    return opened;
  }
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
