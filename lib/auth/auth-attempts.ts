import { Inject, Injectable } from '@nestjs/common';
import { addressGroup } from '../connection/index.js';
import { after, isThenable, type MaybePromise } from '../maybe-promise.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { boundedKey, RateLimiter } from '../rate-limit/index.js';
import { OpenAttempts } from './open-attempts.js';

/** Who tries to authenticate: from where, and as whom where a name is tried. */
export interface AttemptSubject {
  /** An IP address; those of one IPv6 /64 count together. */
  readonly address: string;
  /** The user id or log-in name tried, whether there is such a user or not. */
  readonly user?: string;
}

/**
 * Bounds how often passwords, tokens and tickets can be guessed. An attempt takes a token from the bucket of
 * its address, and of the user it tries, before anything is checked; only one that succeeds gets them back.
 */
@Injectable()
export class AuthAttempts {
  private readonly open = new OpenAttempts();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly limiter: RateLimiter,
  ) {}

  /**
   * Runs a check where attempts are left. Answers at once where check and store do.
   *
   * @param check fails by throwing, rejecting, or returning undefined, null or false
   * @throws RefusalError `RATE_LIMITED`, and whatever the check throws; a promise rejects with it
   */
  attempt<T>(subject: AttemptSubject, check: () => MaybePromise<T>): MaybePromise<T> {
    const keys = keysOf(subject);
    const charged: string[] = [];
    const run = () =>
      after(this.charge(keys, charged), () => after(check(), result => this.settle(keys, result)));
    return eventually(run, () => {
      for (const key of charged) this.open.leave(key);
    });
  }

  /**
   * Takes a token for each key in turn: who is out of attempts at an address uses up nobody else's. Many who come
   * at once from one address hold its tokens only until their checks are done, so the next ones wait for those.
   */
  private charge([key, ...others]: readonly string[], charged: string[]): MaybePromise<void> {
    if (key === undefined) return;
    return after(
      this.limiter.take(key, this.options.auth.attempts),
      ({ allowed, retryAfter }): MaybePromise<void> => {
        if (!allowed) {
          const settled = this.open.next(key);
          if (!settled) throw new RefusalError('RATE_LIMITED', retryAfter);
          return settled.then(() => this.charge([key, ...others], charged));
        }
        this.open.enter(key);
        charged.push(key);
        return this.charge(others, charged);
      },
    );
  }

  private settle<T>(keys: readonly string[], result: T): MaybePromise<T> {
    if (result === undefined || result === null || result === false) return result;
    const refunds = keys
      .map(key => this.limiter.refund(key, this.options.auth.attempts))
      .filter((refund): refund is Promise<void> => isThenable(refund));
    if (refunds.length === 0) return result;
    // Who has proved to be somebody is not refused because a store could not take the token back.
    return Promise.allSettled(refunds).then(() => result);
  }
}

/** Runs something and, whatever comes of it, something else after it. */
function eventually<T>(run: () => MaybePromise<T>, last: () => void): MaybePromise<T> {
  let result: MaybePromise<T>;
  try {
    result = run();
  } catch (error) {
    last();
    throw error;
  }
  if (result instanceof Promise) return result.finally(last);
  last();
  return result;
}

function keysOf({ address, user }: AttemptSubject): string[] {
  const keys = [`auth:address:${addressGroup(address)}`];
  if (user !== undefined) keys.push(boundedKey(`auth:user:${user}`));
  return keys;
}
