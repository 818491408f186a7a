import { after, isThenable, type MaybePromise } from '../maybe-promise.js';
import type { EventFeed } from './event-feed.js';

/** The maximum number of rights whose failed withdrawal is remembered. */
const MAX_UNFORGOTTEN = 10_000;

/** A look-up of a right that has not ended. */
export interface LookUp {
  readonly user: string;
  readonly right: string;
  /** Whether the right was withdrawn since the look-up began. The answer may be from before the withdrawal. */
  isOutdated: boolean;
}

/** Grants and withdraws rights to patterns in the log, which all nodes share. */
export class KnownRights {
  /** The look-ups in progress, by user. */
  private readonly lookUps = new Map<string, Set<LookUp>>();
  /** The withdrawals in progress, by right. */
  private readonly withdrawing = new Map<string, Promise<unknown>>();
  /** The rights whose withdrawal failed. The next grant withdraws them first. */
  private readonly unforgotten = new Set<string>();

  constructor(private readonly feed: EventFeed) {}

  /** Records that the right of a user is looked up. The caller ends the look-up after its grant. */
  begin(user: string, right: string): LookUp {
    const lookUp = { user, right, isOutdated: false };
    const own = this.lookUps.get(user) ?? new Set<LookUp>();
    this.lookUps.set(user, own.add(lookUp));
    return lookUp;
  }

  end(lookUp: LookUp): void {
    const own = this.lookUps.get(lookUp.user);
    own?.delete(lookUp);
    if (own?.size === 0) this.lookUps.delete(lookUp.user);
  }

  /** Marks the look-ups in progress as out of date. @param user undefined means all users. @param right undefined means all rights */
  outdate(user?: string, right?: string): void {
    const affected = user === undefined ? this.lookUps.values() : [this.lookUps.get(user) ?? []];
    for (const lookUps of affected)
      for (const lookUp of lookUps)
        if (right === undefined || lookUp.right === right) lookUp.isOutdated = true;
  }

  /**
   * Returns the cursor since which a user has a right, or undefined if the right was withdrawn during the look-up. A grant
   * waits for a withdrawal in progress: it must not undo it.
   *
   * @throws RefusalError `UNAVAILABLE`
   */
  grant(lookUp: LookUp, since?: string): MaybePromise<string | undefined> {
    const { user, right } = lookUp;
    const key = JSON.stringify([user, right]);
    const grant = () => (lookUp.isOutdated ? undefined : this.feed.grant(user, right, since));
    return after(this.withdrawing.get(key), () => {
      if (!this.unforgotten.has(key)) return grant();
      return after(this.feed.withdraw(user, right), () => {
        this.unforgotten.delete(key);
        return grant();
      });
    });
  }

  /** Removes all rights of a user from the log. @throws RefusalError `UNAVAILABLE` */
  withdrawAll(user: string): MaybePromise<void> {
    this.outdate(user);
    return this.feed.withdraw(user);
  }

  /** Removes a right from the log. */
  withdraw(user: string, pattern: string): void {
    this.outdate(user, pattern);
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
