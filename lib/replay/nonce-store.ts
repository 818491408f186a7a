import type { MaybePromise } from '../maybe-promise.js';

/** Stores keys that may be used once: the port for the replay protection of ring keys and for single-use tickets. */
export abstract class NonceStore {
  /**
   * Uses up a key in one atomic step.
   *
   * @param key the key to use up
   * @param expiresAt the time until which the key must be stored, inclusive, in milliseconds since the Unix epoch
   * @param madeAt the time the key was created, in milliseconds since the Unix epoch. A store compares it with what it may
   * have dropped. Without it, the key counts as newer than that.
   * @returns true the first time; false while the key is stored, or if it has already expired
   * @throws RefusalError `EVENT_EXPIRED` if the store does not know the key but may have dropped it; `UNAVAILABLE` if the
   * store is full
   */
  abstract use(key: string, expiresAt: number, madeAt?: number): MaybePromise<boolean>;

  /**
   * Uses up a nonce of one signing key. Override it in a store that benefits from both values.
   *
   * @param keyId the signing key: a fingerprint, which does not change when the key is renamed
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
   * Like `useNonce`, for an event that another decision may still refuse: if it does, the nonce stays unused. A store that can
   * give a nonce back overrides this, so that it need not wait for the decision.
   *
   * @param admitted the other decision; it never rejects
   * @returns false also for an event that is not admitted
   */
  async useNonceIf(
    admitted: Promise<boolean>,
    keyId: string,
    nonce: string,
    expiresAt: number,
    madeAt?: number,
  ): Promise<boolean> {
    return (await admitted) && this.useNonce(keyId, nonce, expiresAt, madeAt);
  }
}
