import { after, isThenable, type MaybePromise } from '../maybe-promise.js';
import type { EventFeed } from './event-feed.js';

/** The maximum number of rights whose failed withdrawal is remembered. */
const MAX_UNFORGOTTEN = 10_000;

/** Grants and withdraws rights to patterns in the log, which all nodes share. */
export class KnownRights {
  /** The withdrawals in progress, by right. */
  private readonly withdrawing = new Map<string, Promise<unknown>>();
  /** The rights whose withdrawal failed. The next grant withdraws them first. */
  private readonly unforgotten = new Set<string>();

  constructor(private readonly feed: EventFeed) {}

  /**
   * Returns the cursor since which a user has a right. A grant waits for a withdrawal in progress: it must not undo it.
   *
   * @throws RefusalError `UNAVAILABLE`
   */
  grant(user: string, pattern: string, since?: string): MaybePromise<string> {
    const key = JSON.stringify([user, pattern]);
    const grant = () => this.feed.grant(user, pattern, since);
    return after(this.withdrawing.get(key), () => {
      if (!this.unforgotten.has(key)) return grant();
      return after(this.feed.withdraw(user, pattern), () => {
        this.unforgotten.delete(key);
        return grant();
      });
    });
  }

  /** Removes a right from the log. */
  withdraw(user: string, pattern: string): void {
    const key = JSON.stringify([user, pattern]);
    let forgotten: MaybePromise<void>;
    try {
      forgotten = this.feed.withdraw(user, pattern);
    } catch {
      this.remember(key);
      return;
    }
    if (!isThenable(forgotten)) return;
    const done = Promise.resolve(forgotten)
      .catch(() => {
        this.remember(key);
      })
      .finally(() => {
        if (this.withdrawing.get(key) === done) this.withdrawing.delete(key);
      });
    this.withdrawing.set(key, done);
  }

  private remember(key: string): void {
    this.unforgotten.add(key);
    for (const oldest of this.unforgotten) {
      if (this.unforgotten.size <= MAX_UNFORGOTTEN) return;
      this.unforgotten.delete(oldest);
    }
  }
}
