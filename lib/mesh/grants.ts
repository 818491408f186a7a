/** The maximum numbers of users, and of patterns for each user. New grants replace the oldest ones. */
const MAX_USERS = 10_000;
const MAX_PATTERNS = 64;

/** Remembers in memory since when users have rights to patterns. A forgotten right counts from its next grant. */
export class Grants {
  private readonly users = new Map<string, Map<string, string>>();

  /** Returns the cursor since which the user has the right. */
  grant(user: string, pattern: string, since: string): string {
    const patterns = this.users.get(user) ?? new Map<string, string>();
    const granted = patterns.get(pattern) ?? since;
    patterns.delete(pattern);
    patterns.set(pattern, granted);
    forgetOldest(patterns, MAX_PATTERNS);
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
  for (const oldest of map.keys()) {
    if (map.size <= max) return;
    map.delete(oldest);
  }
}
