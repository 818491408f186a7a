import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import { logUnexpected, SecurityEvents } from '../monitoring/index.js';
import { StoreOutage } from '../store-outage.js';
import { EventLog, type LogEntry, type LogFollower, type LogPage } from './event-log.js';

/**
 * Brings what is appended to the log to everybody in this process who listens. It follows the log only once
 * somebody does: a mesh that nobody uses costs nothing.
 */
@Injectable()
export class EventFeed implements LogFollower {
  private readonly logger = new Logger('EventMesh');
  private readonly followers: LogFollower[] = [];
  /** Entries that came while another was told of, as when a handler publishes. */
  private readonly waiting: LogEntry[] = [];
  private isTelling = false;
  private starting: MaybePromise<string> | undefined;
  private reached: string | undefined;
  private readonly outage: StoreOutage;

  constructor(
    private readonly log: EventLog,
    clock: Clock,
    events: SecurityEvents,
  ) {
    this.outage = new StoreOutage('events', 'deny', clock, events);
  }

  /** Everything up to this cursor has been told; undefined before the log is followed. */
  get position(): string | undefined {
    return this.reached;
  }

  add(follower: LogFollower): void {
    this.followers.push(follower);
  }

  /**
   * Begins to follow the log, once.
   *
   * @returns the position
   * @throws RefusalError `UNAVAILABLE` when the log cannot be reached; another call tries again
   */
  start(): MaybePromise<string> {
    if (this.reached !== undefined) return this.reached;
    return (this.starting ??= recovering(
      () =>
        after(
          this.ask(() => this.log.follow(this)),
          cursor => (this.reached ??= cursor),
        ),
      error => {
        this.starting = undefined;
        throw error;
      },
    ));
  }

  /** @throws RefusalError `UNAVAILABLE` when it is not known to be stored */
  append(type: string, text: string): MaybePromise<string> {
    return this.ask(() => this.log.append(type, text));
  }

  /** @throws RefusalError `UNAVAILABLE` */
  read(after: string | undefined, limit: number): MaybePromise<LogPage> {
    return this.ask(() => this.log.read(after, limit));
  }

  entry(entry: LogEntry): void {
    this.waiting.push(entry);
    if (this.isTelling) return;
    this.isTelling = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) this.tell(next);
    this.isTelling = false;
  }

  gap(cursor: string): void {
    this.reached = cursor;
    for (const follower of this.followers) follower.gap(cursor);
  }

  /** However many ask, a log that fails is told of once. Nothing stands in for it: an event is stored, or is not. */
  private ask<T>(ask: () => MaybePromise<T>): MaybePromise<T> {
    return this.outage.during(ask);
  }

  private tell(entry: LogEntry): void {
    this.reached = entry.cursor;
    for (const follower of this.followers) {
      try {
        follower.entry(entry);
      } catch (error) {
        // What stands in a log that is shared may be of anybody's making: the next entry comes all the same.
        logUnexpected(this.logger, error);
      }
    }
  }
}
