import { Injectable, Logger } from '@nestjs/common';
import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import { logUnexpected } from '../monitoring/index.js';
import { EventLog, type LogEntry, type LogFollower } from './event-log.js';

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

  constructor(readonly log: EventLog) {}

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
   * @throws when the log cannot be reached; another call tries again
   */
  start(): MaybePromise<string> {
    if (this.reached !== undefined) return this.reached;
    return (this.starting ??= recovering(
      () => after(this.log.follow(this), cursor => (this.reached ??= cursor)),
      error => {
        this.starting = undefined;
        throw error;
      },
    ));
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
