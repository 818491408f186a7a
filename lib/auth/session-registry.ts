import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { ConnectionManager, type Revocation, RevocationBus } from '../connection/index.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import { contained, SecurityEvents } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { StoreOutage } from '../store-outage.js';
import { EndedSessions } from './ended-sessions.js';

/**
 * Ends sessions before their tokens expire, for example on log-out. `ClientUser.sessionId` identifies a session: the `sid`
 * claim of a token, or its `jti`.
 */
@Injectable()
export class SessionRegistry {
  private readonly ended: EndedSessions;
  private readonly outage: StoreOutage;

  constructor(
    private readonly connections: ConnectionManager,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly bus: RevocationBus,
    @Optional() private readonly events?: SecurityEvents,
  ) {
    this.ended = new EndedSessions(clock);
    this.outage = new StoreOutage('log-outs', 'local', clock, events);
    bus.subscribe(
      contained(({ kind, id, until = 0 }: Revocation) => {
        // If there is no room here, `isEnded` still finds the session through the bus.
        if (kind === 'session' && until > clock.now()) this.ended.add(id, until);
      }),
    );
    bus.onGap(
      contained(() => {
        this.closeEnded();
      }),
    );
  }

  /**
   * Closes every connection of a session with `REVOKED`, and rejects its tokens from now on.
   *
   * @param tokensExpireAt the time when the last token of the session expires, in milliseconds since the Unix epoch. Pass
   * it if that is later than `auth.maxSessionAge` from now.
   * @returns the number of closed connections
   * @throws RefusalError `UNAVAILABLE` if no more ended sessions can be stored; the connections are closed anyway
   */
  end(sessionId: string, tokensExpireAt = 0): number {
    const until = Math.max(this.clock.now() + this.options.auth.maxSessionAge, tokensExpireAt);
    const closed = this.connections.disconnectSession(sessionId, 'REVOKED', until);
    this.events?.sessionEnded(closed);
    if (!this.ended.add(sessionId, until))
      throw new RefusalError('UNAVAILABLE', {
        reason: 'the list of ended sessions is full (1,000,000)',
      });
    return closed;
  }

  /** Returns whether this node knows that a session was ended. `isEnded` also queries the other nodes. */
  hasEnded(sessionId: string | undefined): boolean {
    return sessionId !== undefined && this.ended.has(sessionId);
  }

  /**
   * Returns whether a session was ended, on this node or another. Use it wherever you check tokens, for example in HTTP
   * guards. If the nodes cannot reach each other, it returns what this node knows.
   *
   * @throws RefusalError `UNAVAILABLE` on a node that has not reached the others since it started
   */
  isEnded(sessionId: string | undefined): MaybePromise<boolean> {
    if (sessionId === undefined) return false;
    if (this.ended.has(sessionId)) return true;
    const local = () => false;
    const answer = this.outage.during(() => this.bus.hasEnded(sessionId), { allow: local, local });
    // The session may have been ended on this node in the meantime.
    return after(answer, hasEnded => hasEnded || this.ended.has(sessionId));
  }

  /** Closes connections whose session was ended while this node could not reach the others. */
  private closeEnded(): void {
    for (const { id, user } of this.connections.list()) {
      if (user?.sessionId === undefined) continue;
      void Promise.resolve(this.isEnded(user.sessionId)).then(
        contained(hasEnded => hasEnded && this.connections.disconnect(id)),
        () => undefined,
      );
    }
  }
}
