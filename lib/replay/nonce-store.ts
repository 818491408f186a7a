import type { MaybePromise } from '../maybe-promise.js';
import type { PendingDecision } from '../rate-limit/index.js';

/** Remembers what may be used once: the port behind replay protection and single-use tickets. */
export abstract class NonceStore {
  /**
   * Uses a key up, in one atomic step.
   *
   * @param key what may be used once
   * @param expiresAt until when it must be remembered, inclusive: milliseconds since the Unix epoch
   * @returns true the first time, false while it is remembered or when its time is over already
   * @throws RefusalError `UNAVAILABLE` when the store can take no more: it never forgets early to make room
   */
  abstract use(key: string, expiresAt: number): MaybePromise<boolean>;

  /**
   * Uses a key up only if a rate limit lets its event pass. A store that lives where the limits do overrides this,
   * to ask for both in one step.
   *
   * @param limit a decision that is on its way
   */
  useIf(key: string, expiresAt: number, limit: PendingDecision): MaybePromise<boolean> {
    return limit.decided.then(({ allowed }) => allowed && this.use(key, expiresAt));
  }
}
