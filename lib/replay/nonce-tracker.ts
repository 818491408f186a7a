import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { freshnessOf, type SemanticEvent } from '../event/index.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import { SecurityEvents, Telemetry } from '../monitoring/index.js';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  SESSION_KEY_PREFIX,
} from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { passOrRefuse, type PendingDecision } from '../rate-limit/index.js';
import { StoreOutage } from '../store-outage.js';
import { InMemoryNonceStore } from './in-memory-nonce-store.js';
import { NonceStore } from './nonce-store.js';

/** Lets each signed event pass once. */
@Injectable()
export class NonceTracker {
  /** What goes on where the store fails, if that is the policy. */
  private readonly local: NonceStore;
  private readonly outage: StoreOutage;
  private latest = -Infinity;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly store: NonceStore,
    private readonly clock: Clock,
    @Optional() events?: SecurityEvents,
    @Optional() telemetry?: Telemetry,
  ) {
    this.local = new InMemoryNonceStore(options.replay.maxNonces, clock);
    this.outage = new StoreOutage('nonces', options.replay.onStoreError, clock, events, telemetry);
  }

  /**
   * Uses up the nonce of an event whose signature was verified. It is remembered exactly as long as the event
   * would still be accepted, counted from the event's own time, so that one from the future leaves no gap.
   *
   * @param keyId the key the event was signed with: a nonce is new or not for its key
   * @param limit a rate limit still to be decided, which the event must pass, too, before its nonce is used up
   * @throws RefusalError `REPLAY_DETECTED`, `RATE_LIMITED`, `EVENT_EXPIRED` also where the store has lost
   *   its memory since the event was made, `INVALID_EVENT` without a time or nonce, or `UNAVAILABLE` when the store is full or fails
   */
  use(event: SemanticEvent, keyId: string, limit?: PendingDecision): MaybePromise<true> {
    const { time, nonce } = freshnessOf(event);
    const expiresAt = time + this.options.signing.maxAge;
    // A clock set back would make events acceptable again whose nonces are forgotten.
    this.latest = Math.max(this.latest, this.clock.now());
    if (expiresAt < this.latest) throw new RefusalError('EVENT_EXPIRED');

    // What a session key signs is worth nothing on another connection, and so to no other process.
    const madeAt = keyId.startsWith(SESSION_KEY_PREFIX) ? Infinity : time;
    const useIn = (store: NonceStore) =>
      limit
        ? store.useNonceIf(keyId, nonce, expiresAt, limit, madeAt)
        : store.useNonce(keyId, nonce, expiresAt, madeAt);
    const isNew = this.outage.during(() => useIn(this.store), {
      allow: () => true,
      local: () => useIn(this.local),
    });
    if (!limit) return after(isNew, acceptOrRefuse);
    return after(isNew, async answer => {
      passOrRefuse(await limit.decided);
      return acceptOrRefuse(answer);
    });
  }
}

function acceptOrRefuse(isNew: unknown): true {
  // Whatever a store of the application answers: only a plain yes is one.
  if (isNew !== true) throw new RefusalError('REPLAY_DETECTED');
  return true;
}
