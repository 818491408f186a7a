import type { Clock } from '../clock.js';
import { parseCursor } from './cursor.js';
import { EventLog, type LogEntry, type LogFollower, type LogPage } from './event-log.js';

export interface InMemoryEventLogLimits {
  /** Events kept. */
  readonly maxEvents: number;
  /** Characters kept. */
  readonly maxHistorySize: number;
}

/** The log of an application that is one process. Its cursors do not outlive it. */
export class InMemoryEventLog extends EventLog {
  private readonly entries = new Map<number, LogEntry>();
  private readonly epoch: number;
  private first = 1;
  private last = 0;
  private size = 0;
  private follower: LogFollower | undefined;

  constructor(
    private readonly limits: InMemoryEventLogLimits,
    clock: Clock,
  ) {
    super();
    this.epoch = clock.now();
  }

  append(type: string, text: string): string {
    const entry = { cursor: this.cursorAt(++this.last), type, text };
    this.entries.set(this.last, entry);
    this.size += text.length;
    while (this.entries.size > this.limits.maxEvents || this.size > this.limits.maxHistorySize)
      this.dropFirst();
    this.follower?.entry(entry);
    return entry.cursor;
  }

  read(after: string | undefined, limit: number): LogPage {
    const asked = after === undefined ? this.first - 1 : this.numberOf(after);
    const isGap = asked === undefined || asked < this.first - 1;
    const start = isGap ? this.first - 1 : asked;
    const end = Math.min(start + limit, this.last);
    const entries: LogEntry[] = [];
    for (let number = start + 1; number <= end; number++)
      entries.push(this.entries.get(number) as LogEntry);
    return { entries, cursor: this.cursorAt(end), isGap, isEnd: end === this.last };
  }

  follow(follower: LogFollower): string {
    this.follower = follower;
    return this.cursorAt(this.last);
  }

  private dropFirst(): void {
    this.size -= this.entries.get(this.first)?.text.length ?? 0;
    this.entries.delete(this.first++);
  }

  private cursorAt(number: number): string {
    return `${this.epoch}-${number}`;
  }

  /** Undefined for what is no cursor of ours. */
  private numberOf(cursor: string): number | undefined {
    const [epoch, number = 0] = parseCursor(cursor) ?? [];
    return epoch === this.epoch && number <= this.last ? number : undefined;
  }
}
