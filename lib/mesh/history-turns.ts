import type { Clock } from '../clock.js';
import { contained } from '../monitoring/index.js';

/** The number of log entries that may be scanned for one user: a burst, and then a rate per second. */
const BURST = 200_000;
const PER_SECOND = 50_000;
/** The minimum cost of a read, in entries. */
const LEAST = 32;
/** The maximum number of users whose cost is remembered. A forgotten user has the full burst again. */
const MAX_USERS = 10_000;

/**
 * Schedules reads of the log for clients. Each turn of the event loop reads one page, so that other work continues. Users take
 * turns, so that one user does not delay another. After its burst, a user waits.
 */
export class HistoryTurns {
  /** The waiting reads by user. The first user is next. */
  private readonly waiting = new Map<string, (() => void)[]>();
  /** The monotonic time in milliseconds when the cost of each user is paid off, ordered by the last read. */
  private readonly paidAt = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private isScheduled = false;

  constructor(private readonly clock: Clock) {}

  /** Resolves when it is the turn of a user to read one page. */
  next(user: string): Promise<void> {
    return new Promise(resolve => {
      const queue = this.waiting.get(user);
      if (queue) queue.push(resolve);
      else this.waiting.set(user, [resolve]);
      this.schedule();
    });
  }

  /** Adds the cost of a page to a user. @param scanned the number of scanned entries */
  charge(user: string, scanned: number): void {
    const now = this.clock.monotonic();
    const paidAt = Math.max(now, this.paidAt.get(user) ?? 0);
    this.paidAt.delete(user);
    this.paidAt.set(user, paidAt + (Math.max(scanned, LEAST) * 1_000) / PER_SECOND);
    for (const [oldest, until] of this.paidAt) {
      if (until > now && this.paidAt.size <= MAX_USERS) break;
      this.paidAt.delete(oldest);
    }
  }

  private schedule(): void {
    if (this.isScheduled || this.waiting.size === 0) return;
    clearTimeout(this.timer);
    const delay = this.delay();
    if (delay > 0) this.timer = setTimeout(this.serve, delay);
    else {
      this.isScheduled = true;
      setImmediate(this.serve);
    }
  }

  /** Returns the milliseconds until one of the waiting users may read. */
  private delay(): number {
    let delay = Infinity;
    for (const user of this.waiting.keys()) delay = Math.min(delay, this.delayOf(user));
    return delay;
  }

  private delayOf(user: string): number {
    const debt = (this.paidAt.get(user) ?? 0) - this.clock.monotonic();
    return Math.max(0, debt - (BURST * 1_000) / PER_SECOND);
  }

  private readonly serve = contained(() => {
    this.isScheduled = false;
    for (const [user, queue] of this.waiting) {
      if (this.delayOf(user) > 0) continue;
      const resolve = queue.shift();
      this.waiting.delete(user);
      if (queue.length > 0) this.waiting.set(user, queue);
      resolve?.();
      break;
    }
    this.schedule();
  });
}
