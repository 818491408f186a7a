import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { LogOut } from '../connection/index.js';

/** The maximum number of sessions, and of users, whose log-outs are stored. */
export const MAX_LOG_OUTS = 1_000_000;
/** The number of entries to check for each new one, so that the table shrinks faster than it grows. */
const SWEEP = 4;

/**
 * The log-outs of sessions or of users, until their tokens expire. No entry is dropped early. The entry of a session needs
 * about 50 bytes, and that of a user twice as many: it stores 48 bits of a salted digest of the id.
 */
export class LogOutTable {
  /** The time to drop each entry, as `safeTime` measures it. */
  private readonly until = new Map<number, number>();
  /** The time of the log-out of each user. An ended session rejects all its tokens, so its time does not matter. */
  private readonly times = new Map<number, number>();
  private sweeper = this.until.entries();
  private readonly wallStart: number;
  private readonly monotonicStart: number;

  constructor(
    private readonly clock: Clock,
    private readonly maxEntries = MAX_LOG_OUTS,
  ) {
    this.wallStart = clock.now();
    this.monotonicStart = clock.monotonic();
  }

  get size(): number {
    return this.until.size;
  }

  /** Returns when an id was logged out, 0 for a session; undefined if it was not, or if its tokens have expired. */
  find(id: string): number | undefined {
    const digest = digestOf(id);
    const until = this.until.get(digest);
    if (until === undefined || until <= this.safeTime()) return undefined;
    return this.times.get(digest) ?? 0;
  }

  /** Adds a log-out. It only extends an earlier one of the same id. @returns false if there is no room for one more */
  add({ kind, id, at, until }: Omit<LogOut, 'code'>): boolean {
    const digest = digestOf(id);
    const known = this.until.get(digest);
    this.forgetPast(SWEEP);
    if (known === undefined && this.until.size >= this.maxEntries) {
      this.forgetPast(this.maxEntries);
      if (this.until.size >= this.maxEntries) return false;
    }
    this.until.set(digest, Math.max(until, known ?? 0));
    if (kind === 'user') this.times.set(digest, Math.max(at, this.times.get(digest) ?? 0));
    return true;
  }

  private forgetPast(looks: number): void {
    const now = this.safeTime();
    for (let look = 0; look < looks; look++) {
      let next = this.sweeper.next();
      if (next.done) {
        this.sweeper = this.until.entries();
        next = this.sweeper.next();
        if (next.done) return;
      }
      const [digest, until] = next.value;
      if (until > now) continue;
      this.until.delete(digest);
      this.times.delete(digest);
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

/** Random bytes of this process. Otherwise a user could choose an id with the digest of another user, and log that user out. */
const SALT = randomBytes(32);

function digestOf(id: string): number {
  return createHash('sha256').update(SALT).update(id).digest().readUIntBE(0, 6);
}
