import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { freshnessOf, type SemanticEvent } from '../event/index.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { NonceStore } from './nonce-store.js';

/** Lets each signed event pass once. */
@Injectable()
export class NonceTracker {
  private latest = -Infinity;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly store: NonceStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Uses up the nonce of an event whose signature was verified. It is remembered exactly as long as the event
   * would still be accepted, counted from the event's own time, so that one from the future leaves no gap.
   *
   * @param keyId the key the event was signed with: a nonce is new or not for its key
   * @throws RefusalError `REPLAY_DETECTED`, `EVENT_EXPIRED`, `INVALID_EVENT` without a time or nonce, or
   *   `UNAVAILABLE` when the store is full
   */
  use(event: SemanticEvent, keyId: string): MaybePromise<true> {
    const { time, nonce } = freshnessOf(event);
    const expiresAt = time + this.options.signing.maxAge;
    // A clock set back would make events acceptable again whose nonces are forgotten.
    this.latest = Math.max(this.latest, this.clock.now());
    if (expiresAt < this.latest) throw new RefusalError('EVENT_EXPIRED');
    return after(this.store.use(`${keyId}:${nonce}`, expiresAt), passOrRefuse);
  }
}

function passOrRefuse(isNew: unknown): true {
  // Whatever a store of the application answers: only a plain yes is one.
  if (isNew !== true) throw new RefusalError('REPLAY_DETECTED');
  return true;
}
