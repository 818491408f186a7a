import type { ClientUser } from '../options/index.js';
import type { Code } from '../protocol/index.js';

/** The maximum number of remembered users and sessions. */
const MAX_KEPT = 10_000;

interface Disconnect {
  readonly at: number;
  readonly code: Code;
}

/**
 * Remembers which users and sessions were disconnected last. An authentication that began before a disconnect must not succeed
 * after it. Its connection had no user yet, so the disconnect could not close it. Time is counted in disconnects.
 */
export class RecentDisconnects {
  /** The number of disconnects so far. */
  latest = 0;
  /** The remembered disconnects, the oldest first. */
  private readonly kept = new Map<string, Disconnect>();
  /** The latest forgotten disconnect. */
  private forgottenUntil = 0;

  /** @param maxKept the maximum to remember. A forgotten disconnect counts for all users */
  constructor(private readonly maxKept = MAX_KEPT) {}

  note(kind: 'user' | 'session', id: string, code: Code): void {
    const name = `${kind}:${id}`;
    this.kept.delete(name);
    this.kept.set(name, { at: ++this.latest, code });
    if (this.kept.size <= this.maxKept) return;
    for (const [oldest, { at }] of this.kept) {
      this.kept.delete(oldest);
      this.forgottenUntil = at;
      return;
    }
  }

  /**
   * Checks whether a user, or the session of the token, was disconnected after an authentication began.
   *
   * @param begunAt the value of `latest` when the authentication began
   * @returns the code to close with: `UNAVAILABLE` if the disconnect may be forgotten, so that the client tries again
   */
  codeSince(begunAt: number, { id, sessionId }: ClientUser): Code | undefined {
    const names = [`user:${id}`];
    if (sessionId !== undefined) names.push(`session:${sessionId}`);
    for (const name of names) {
      const found = this.kept.get(name);
      if (found && found.at > begunAt) return found.code;
    }
    return this.forgottenUntil > begunAt ? 'UNAVAILABLE' : undefined;
  }
}
