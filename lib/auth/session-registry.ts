import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { ConnectionManager, RevocationBus } from '../connection/index.js';
import { SecurityEvents } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';

/** Ended sessions remembered at once. */
export const MAX_ENDED_SESSIONS = 100_000;

/**
 * Ends sessions before their tokens expire, as a log-out does. A session is named by `ClientUser.sessionId`:
 * the `sid` claim of a token, else its `jti`.
 */
@Injectable()
export class SessionRegistry {
  // Until when each ended session is remembered, by the wall clock and by the other, in the order they ended: a clock set
  // forth, and back again, must not have brought one back.
  private readonly ended = new Map<string, readonly [wall: number, monotonic: number]>();

  constructor(
    private readonly connections: ConnectionManager,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    bus: RevocationBus,
    @Optional() private readonly events?: SecurityEvents,
  ) {
    bus.subscribe(({ kind, id, until = 0 }) => {
      const now = clock.now();
      if (kind === 'session' && until > now) this.remember(id, until, now);
    });
  }

  /**
   * Closes every connection of a session with `REVOKED`, and refuses its tokens from here on.
   *
   * @param tokensExpireAt until when tokens of the session live, in milliseconds since the Unix epoch, where
   *   that is later than `auth.maxSessionAge` from now
   * @returns how many connections there were
   * @throws RefusalError `UNAVAILABLE` when no more ended sessions can be remembered; connections are closed
   */
  end(sessionId: string, tokensExpireAt = 0): number {
    const now = this.clock.now();
    const until = Math.max(now + this.options.auth.maxSessionAge, tokensExpireAt);
    const closed = this.connections.disconnectSession(sessionId, 'REVOKED', until);
    this.events?.sessionEnded(closed);
    this.remember(sessionId, until, now);
    return closed;
  }

  /** Whether a session was ended, here or on another node. */
  hasEnded(sessionId: string | undefined): boolean {
    return sessionId !== undefined && this.ended.has(sessionId);
  }

  private remember(sessionId: string, until: number, now: number): void {
    this.forgetOld(now);
    // An ended session is never forgotten early to make room: that would let its tokens in again.
    if (!this.ended.has(sessionId) && this.ended.size >= MAX_ENDED_SESSIONS)
      throw new RefusalError('UNAVAILABLE');
    const [wall, monotonic] = this.ended.get(sessionId) ?? [0, 0];
    const elapsed = until - now + this.clock.monotonic();
    this.ended.set(sessionId, [Math.max(until, wall), Math.max(elapsed, monotonic)]);
  }

  private forgetOld(now: number): void {
    // A second look finds room that sessions with long-lived tokens at the front would hide.
    const isFull = this.ended.size >= MAX_ENDED_SESSIONS;
    for (const [sessionId, [wall, monotonic]] of this.ended) {
      if (wall <= now && monotonic <= this.clock.monotonic()) this.ended.delete(sessionId);
      else if (!isFull) return;
    }
  }
}
