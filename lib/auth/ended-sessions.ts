import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';

/** The maximum number of ended sessions. */
export const MAX_ENDED_SESSIONS = 1_000_000;
/** The number of entries to check for each new one, so that the table shrinks faster than it grows. */
const SWEEP = 4;

/**
 * The ended sessions, until their tokens expire. No entry is dropped early. An entry needs about 50 bytes: it stores 48
 * bits of the digest of the session id.
 */
export class EndedSessions {
  /** The time to drop each entry, as `safeTime` measures it. */
  private readonly ended = new Map<number, number>();
  private sweeper = this.ended.entries();
  private readonly wallStart: number;
  private readonly monotonicStart: number;

  constructor(
    private readonly clock: Clock,
    private readonly maxSessions = MAX_ENDED_SESSIONS,
  ) {
    this.wallStart = clock.now();
    this.monotonicStart = clock.monotonic();
  }

  get size(): number {
    return this.ended.size;
  }

  has(sessionId: string): boolean {
    const until = this.ended.get(digestOf(sessionId));
    return until !== undefined && until > this.safeTime();
  }

  /** @param until in milliseconds since the Unix epoch @returns false if there is no room for one more */
  add(sessionId: string, until: number): boolean {
    const digest = digestOf(sessionId);
    const known = this.ended.get(digest);
    this.forgetPast(SWEEP);
    if (known === undefined && this.ended.size >= this.maxSessions) {
      this.forgetPast(this.maxSessions);
      if (this.ended.size >= this.maxSessions) return false;
    }
    this.ended.set(digest, Math.max(until, known ?? 0));
    return true;
  }

  private forgetPast(looks: number): void {
    const now = this.safeTime();
    for (let look = 0; look < looks; look++) {
      let next = this.sweeper.next();
      if (next.done) {
        this.sweeper = this.ended.entries();
        next = this.sweeper.next();
        if (next.done) return;
      }
      const [digest, until] = next.value;
      if (until <= now) this.ended.delete(digest);
    }
  }

  /**
   * Returns the wall-clock time, limited by the monotonic clock. A clock that jumps forward and back must not drop entries
   * early.
   */
  private safeTime(): number {
    const elapsed = this.clock.monotonic() - this.monotonicStart;
    return Math.min(this.clock.now(), this.wallStart + elapsed);
  }
}

function digestOf(sessionId: string): number {
  return createHash('sha256').update(sessionId).digest().readUIntBE(0, 6);
}
