import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { freshnessOf, type SemanticEvent } from '../event/index.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import { SecurityEvents, Telemetry } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { passOrRefuse, type PendingDecision } from '../rate-limit/index.js';
import { StoreOutage } from '../store-outage.js';
import { InMemoryNonceStore } from './in-memory-nonce-store.js';
import { NonceStore } from './nonce-store.js';
import { NonceWindow } from './nonce-window.js';

/** The scope of nonces: the fingerprint of a ring key, or the connection whose session key signed. */
export type NonceScope = string | object;

/** Accepts each signed event once. */
@Injectable()
export class NonceTracker {
  /** Replaces the store while it is down, if the policy is so. */
  private readonly local: NonceStore;
  private readonly outage: StoreOutage;
  /** Nonces of session keys. A session key is valid on its own connection only, so these nonces need no store. */
  private readonly connections = new WeakMap<object, NonceWindow>();
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
   * Uses up the nonce of a verified event. The nonce is stored as long as the event would be accepted, counted from the
   * event's own time.
   *
   * @param scope the scope of the nonce: a nonce must be unique per key
   * @param limit a pending rate limit; the nonce is used up only if the limit accepts the event
   * @throws RefusalError `REPLAY_DETECTED`; `RATE_LIMITED`; `EVENT_EXPIRED`, also for an event whose nonce may have been
   * dropped; `INVALID_EVENT` without a time or nonce; `UNAVAILABLE` if the store is down
   */
  use(event: SemanticEvent, scope: NonceScope, limit?: PendingDecision): MaybePromise<true> {
    const { time, nonce } = freshnessOf(event);
    if (typeof scope === 'string') return this.useShared(scope, nonce, time, limit);
    const use = () => this.useOfConnection(scope, nonce, time);
    return limit ? limit.decided.then(passOrRefuse).then(use) : use();
  }

  private useShared(
    keyId: string,
    nonce: string,
    madeAt: number,
    limit?: PendingDecision,
  ): MaybePromise<true> {
    const expiresAt = madeAt + this.options.signing.maxAge;
    // A clock that is set back must not make events acceptable whose nonces the store has dropped.
    this.latest = Math.max(this.latest, this.clock.now());
    if (expiresAt < this.latest)
      throw new RefusalError('EVENT_EXPIRED', {
        reason: 'time is older than signing.maxAge by the latest time this process has seen',
      });

    const admitted = limit?.decided.then(
      ({ allowed }) => allowed,
      () => false,
    );
    const useIn = (store: NonceStore) =>
      admitted
        ? store.useNonceIf(admitted, keyId, nonce, expiresAt, madeAt)
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

  private useOfConnection(connection: object, nonce: string, time: number): true {
    let nonces = this.connections.get(connection);
    if (!nonces) {
      nonces = new NonceWindow(this.options.replay.maxNoncesPerConnection);
      this.connections.set(connection, nonces);
    }
    const outcome = nonces.use(nonce, time);
    if (outcome === 'forgotten')
      throw new RefusalError('EVENT_EXPIRED', {
        reason:
          'its nonce may have been dropped: the connection sent more than replay.maxNoncesPerConnection',
      });
    return acceptOrRefuse(outcome === 'new');
  }
}

function acceptOrRefuse(isNew: unknown): true {
  // A store of the application may return anything: only `true` means that the nonce is new.
  if (isNew !== true)
    throw new RefusalError('REPLAY_DETECTED', {
      reason: 'the nonce was used before, for this key',
    });
  return true;
}
