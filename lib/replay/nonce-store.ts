import type { MaybePromise } from '../maybe-promise.js';
import type { PendingDecision } from '../rate-limit/index.js';

/** Remembers what may be used once: the port behind replay protection and single-use tickets. */
export abstract class NonceStore {
  /**
   * Uses a key up, in one atomic step.
   *
   * @param key what may be used once
   * @param expiresAt until when it must be remembered, inclusive: milliseconds since the Unix epoch
   * @param madeAt when it was made, likewise, or Infinity for what no other process can use: a store that has lost
   *   its memory can tell by it what it may have forgotten
   * @returns true the first time, false while it is remembered or when its time is over already
   * @throws RefusalError `UNAVAILABLE` when the store can take no more: it never forgets early to make room;
   *   `EVENT_EXPIRED` for what is older than the store's memory and not known to it
   */
  abstract use(key: string, expiresAt: number, madeAt?: number): MaybePromise<boolean>;

  /**
   * Uses up the nonce of an event: like `use`, with the id of the key it was signed with and the nonce for a key. A store
   * that gains by knowing them apart overrides this.
   */
  useNonce(
    keyId: string,
    nonce: string,
    expiresAt: number,
    madeAt?: number,
  ): MaybePromise<boolean> {
    return this.use(`${keyId}:${nonce}`, expiresAt, madeAt);
  }

  /**
   * Uses a nonce up only if a rate limit lets its event pass. A store that lives where the limits do overrides this,
   * to ask for both in one step.
   *
   * @param limit a decision that is on its way
   */
  useNonceIf(
    keyId: string,
    nonce: string,
    expiresAt: number,
    limit: PendingDecision,
    madeAt?: number,
  ): MaybePromise<boolean> {
    return limit.decided.then(
      ({ allowed }) => allowed && this.useNonce(keyId, nonce, expiresAt, madeAt),
    );
  }
}
