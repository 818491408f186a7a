import { Inject, Injectable, Optional } from '@nestjs/common';
import { addressGroup } from '../connection/index.js';
import { after, isThenable, type MaybePromise, recovering } from '../maybe-promise.js';
import { SecurityEvents } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { type Code, RefusalError } from '../protocol/index.js';
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
    @Optional() private readonly events?: SecurityEvents,
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
    const admitted = () =>
      recovering(
        () => this.charge(keys, charged),
        error => this.notAdmitted(subject, error),
      );
    const checked = () =>
      recovering(
        () => after(check(), result => this.settle(subject, keys, result)),
        error => this.failed(subject, error),
      );
    return eventually(
      () => after(admitted(), checked),
      () => {
        for (const key of charged) this.open.leave(key);
      },
    );
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

  private settle<T>(subject: AttemptSubject, keys: readonly string[], result: T): MaybePromise<T> {
    if (result === undefined || result === null || result === false) {
      this.events?.attemptFailed(subject);
      return result;
    }
    const refunds = keys
      .map(key =>
        recovering<unknown>(
          () => this.limiter.refund(key, this.options.auth.attempts),
          // Who has proved to be somebody is not refused because a store could not take the token back.
          () => undefined,
        ),
      )
      .filter((refund): refund is Promise<unknown> => isThenable(refund));
    return refunds.length === 0 ? result : Promise.all(refunds).then(() => result);
  }

  private notAdmitted(subject: AttemptSubject, error: unknown): never {
    if (codeOf(error) === 'RATE_LIMITED') this.events?.attemptsExhausted(subject);
    throw error;
  }

  /** Who could not be checked has not failed. */
  private failed(subject: AttemptSubject, error: unknown): never {
    if (codeOf(error) !== 'UNAVAILABLE') this.events?.attemptFailed(subject);
    throw error;
  }
}

function codeOf(error: unknown): Code | undefined {
  return error instanceof RefusalError ? error.code : undefined;
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
