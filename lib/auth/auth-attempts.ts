import { Inject, Injectable, Optional } from '@nestjs/common';
import { addressGroup } from '../connection/index.js';
import { after, isThenable, type MaybePromise, recovering } from '../maybe-promise.js';
import { SecurityEvents, thrown } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { type Code, RefusalError } from '../protocol/index.js';
import { addressBuckets, type BucketKey, RateLimiter } from '../rate-limit/index.js';
import { OpenAttempts } from './open-attempts.js';

/** The origin of an attempt to authenticate, and the user it is for, if it names one. */
export interface AttemptSubject {
  /** An IP address. IPv6 addresses of one /64 share their attempts, and with larger limits those of one /56 and /48. */
  readonly address: string;
  /** The user id or log-in name, whether such a user exists or not. */
  readonly user?: string;
}

/** A kind of guess. Each kind has its own buckets with `factor` times `auth.attempts` tokens. */
export interface AttemptKind {
  readonly name: string;
  readonly factor: number;
}

const LOG_IN: AttemptKind = { name: '', factor: 1 };

/** Limits how often a client can guess passwords, tokens and tickets. */
@Injectable()
export class AuthAttempts {
  private readonly open = new OpenAttempts();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly limiter: RateLimiter,
    @Optional() private readonly events?: SecurityEvents,
  ) {}

  /**
   * Runs the check of a secret that a client can guess, such as a password. Before the check it removes a token from the
   * bucket of the address, and from the bucket of the user. A successful attempt returns its tokens. A check that fails
   * with `UNAVAILABLE` does not count. The result is synchronous if the check and the store are.
   *
   * @param check fails by throwing, rejecting, or returning undefined, null or false
   * @throws RefusalError `RATE_LIMITED`, and any error of the check; a promise rejects with it
   */
  attempt<T>(
    subject: AttemptSubject,
    check: () => MaybePromise<T>,
    kind: AttemptKind = LOG_IN,
  ): MaybePromise<T> {
    const buckets = bucketsOf(subject, kind);
    const charged: BucketKey[] = [];
    const admitted = () =>
      recovering(
        () => this.charge(buckets, charged),
        error => this.notAdmitted(subject, error),
      );
    const checked = () =>
      recovering(
        () => after(check(), result => this.settle(subject, buckets, result)),
        error =>
          codeOf(error) === 'UNAVAILABLE'
            ? after(this.refund(buckets, undefined), () => this.failed(subject, error))
            : this.failed(subject, error),
      );
    return eventually(
      () => after(admitted(), checked),
      () => {
        for (const { key } of charged) this.open.leave(key);
      },
    );
  }

  /**
   * Runs the check of a secret that a client cannot guess, such as a signature. A valid one always passes, no matter how
   * often other clients of its address have failed. A failure removes a token from the bucket of the address. If no token
   * is left, the failure becomes `RATE_LIMITED`. The buckets are separate from those of `attempt`.
   *
   * @param check fails by throwing or rejecting
   * @throws RefusalError `RATE_LIMITED`, and any error of the check; a promise rejects with it
   */
  verify<T>(subject: AttemptSubject, check: () => MaybePromise<T>): MaybePromise<T> {
    return recovering(check, error => {
      if (codeOf(error) === 'UNAVAILABLE') throw error;
      const charged = recovering(
        () =>
          this.limiter.takeAll(
            addressBuckets('tokens', '', subject.address),
            this.options.auth.attempts,
          ),
        // The check has decided, even if the store cannot count the failure.
        () => undefined,
      );
      return after(charged, decision => {
        if (decision?.allowed === false)
          return this.notAdmitted(subject, exhausted(decision.retryAfter));
        return this.failed(subject, error);
      });
    });
  }

  /**
   * Counts a guess that failed and was not limited, so that fewer attempts are left to its address.
   *
   * @throws the error, once the guess is counted; a promise rejects with it
   */
  count(subject: AttemptSubject, error: unknown): MaybePromise<never> {
    const [bucket, ...others] = bucketsOf(subject, LOG_IN);
    const charged = recovering<unknown>(
      () => bucket && this.limiter.takeAll([bucket, ...others], this.options.auth.attempts),
      // The check has decided, even if the store cannot count the failure.
      () => undefined,
    );
    return after(charged, () => this.failed(subject, error));
  }

  /**
   * Removes a token from one bucket after the other: an address without tokens uses up no token of a user. Many clients of
   * one address may arrive at once. They use its tokens only during their checks, so the next clients wait for those
   * checks.
   */
  private charge(
    [bucket, ...others]: readonly BucketKey[],
    charged: BucketKey[],
  ): MaybePromise<void> {
    if (bucket === undefined) return;
    return after(
      this.limiter.take(bucket, this.options.auth.attempts),
      ({ allowed, retryAfter }): MaybePromise<void> => {
        if (!allowed) {
          const settled = this.open.next(bucket.key);
          if (!settled) throw exhausted(retryAfter);
          return settled.then(() => this.charge([bucket, ...others], charged));
        }
        this.open.enter(bucket.key);
        charged.push(bucket);
        return this.charge(others, charged);
      },
    );
  }

  private settle<T>(
    subject: AttemptSubject,
    buckets: readonly BucketKey[],
    result: T,
  ): MaybePromise<T> {
    if (result === undefined || result === null || result === false) {
      this.events?.attemptFailed(subject, `the check returned ${String(result)}`);
      return result;
    }
    return this.refund(buckets, result);
  }

  private refund<T>(buckets: readonly BucketKey[], result: T): MaybePromise<T> {
    const refunds = buckets
      .map(bucket =>
        recovering<unknown>(
          () => this.limiter.refund(bucket, this.options.auth.attempts),
          // Do not reject an authenticated client because the store could not return the token.
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

  /** Reports a failed attempt. An outage is not a failed attempt. */
  private failed(subject: AttemptSubject, error: unknown): never {
    if (codeOf(error) !== 'UNAVAILABLE') {
      const reason = RefusalError.is(error) ? error.reason : thrown(error);
      this.events?.attemptFailed(subject, reason);
    }
    throw error;
  }
}

function exhausted(retryAfter: number): RefusalError {
  const reason = 'too many failed attempts (auth.attempts)';
  return new RefusalError('RATE_LIMITED', { retryAfter, reason });
}

function codeOf(error: unknown): Code | undefined {
  return RefusalError.is(error) ? error.code : undefined;
}

/** Runs `run`, and then `last`, whether `run` succeeds or fails. */
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

function bucketsOf(
  { address, user }: AttemptSubject,
  { name, factor }: AttemptKind,
): readonly BucketKey[] {
  const ofAddress = addressBuckets('logins', name, address).map(bucket => ({
    ...bucket,
    factor: (bucket.factor ?? 1) * factor,
  }));
  if (user === undefined) return ofAddress;
  // The client chooses the name, so each address has a share of these keys.
  return [
    ...ofAddress,
    { table: 'logins', key: `${name}user:${user}`, owner: addressGroup(address) },
  ];
}
