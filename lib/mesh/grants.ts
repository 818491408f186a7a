/** The maximum number of users. New grants replace the oldest ones. */
const MAX_USERS = 10_000;
/**
 * The maximum number of patterns and rooms of one user whose rights a log remembers. A client may have 32 patterns and 64 rooms
 * by default. With fewer rights here, it would miss events after a reconnect, because a forgotten right begins anew.
 */
export const MAX_RIGHTS = 128;

/** Remembers in memory since when users have rights to patterns. A forgotten right counts from its next grant. */
export class Grants {
  private readonly users = new Map<string, Map<string, string>>();

  /** Returns the cursor since which the user has the right. */
  grant(user: string, pattern: string, since: string): string {
    const patterns = this.users.get(user) ?? new Map<string, string>();
    const granted = patterns.get(pattern) ?? since;
    patterns.delete(pattern);
    patterns.set(pattern, granted);
    forgetOldest(patterns, MAX_RIGHTS);
    this.users.delete(user);
    this.users.set(user, patterns);
    forgetOldest(this.users, MAX_USERS);
    return granted;
  }

  withdraw(user: string, pattern?: string): void {
    const patterns = this.users.get(user);
    if (pattern !== undefined) patterns?.delete(pattern);
    if (pattern === undefined || patterns?.size === 0) this.users.delete(user);
  }
}

function forgetOldest(map: Map<string, unknown>, max: number): void {
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    if (map.size <= max) return;
  }
}
