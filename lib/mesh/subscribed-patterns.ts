import { compilePatterns } from '../event/index.js';
import { PUBLIC } from './audience.js';
import { hasReached } from './cursor.js';
import type { LogEntry } from './event-log.js';

/** The maximum number of event types whose matching patterns are cached. */
const MAX_TYPES = 64;

/** The patterns of one client: the types it receives, and the patterns for which it receives public events. */
export class SubscribedPatterns {
  /** The cursor since which the client has the right to each pattern. Undefined: it receives addressed events only. */
  private readonly patterns = new Map<string, string | undefined>();
  /** A cache of the patterns that match a type. */
  private matching = new Map<string, readonly string[]>();

  get size(): number {
    return this.patterns.size;
  }

  all(): string[] {
    return [...this.patterns.keys()];
  }

  /** Returns the number of patterns after adding some. */
  countWith(patterns: readonly string[]): number {
    return this.size + patterns.filter(pattern => !this.patterns.has(pattern)).length;
  }

  /** Yields the patterns of public events, each with the cursor since which the client has the right. */
  *granted(): Iterable<[string, string]> {
    for (const [pattern, since] of this.patterns) if (since !== undefined) yield [pattern, since];
  }

  since(pattern: string): string | undefined {
    return this.patterns.get(pattern);
  }

  /** Adds a pattern. @param since undefined keeps an existing right, and grants none for public events */
  add(pattern: string, since: string | undefined): void {
    this.patterns.set(pattern, since ?? this.patterns.get(pattern));
    this.matching.clear();
  }

  /** Removes a pattern. @returns whether the client had the right to its public events */
  delete(pattern: string): boolean {
    const since = this.patterns.get(pattern);
    this.patterns.delete(pattern);
    this.matching.clear();
    return since !== undefined;
  }

  matches(type: string): boolean {
    return this.matchingOf(type).length > 0;
  }

  /**
   * Returns whether the client may receive an entry of the log.
   *
   * @param ownSince the cursor since which the channel of the entry belongs to the client; undefined if it does not
   * @param among the only patterns to check; undefined checks all patterns
   */
  allow(
    { channel, type, cursor }: LogEntry,
    ownSince: string | undefined,
    among?: readonly string[],
  ): boolean {
    return this.matchingOf(type).some(pattern => {
      if (among && !among.includes(pattern)) return false;
      const since = channel === PUBLIC ? this.patterns.get(pattern) : ownSince;
      return since !== undefined && !hasReached(since, cursor);
    });
  }

  private matchingOf(type: string): readonly string[] {
    let found = this.matching.get(type);
    if (!found) {
      found = this.all().filter(pattern => compilePatterns([pattern])(type));
      if (this.matching.size >= MAX_TYPES) this.matching.clear();
      this.matching.set(type, found);
    }
    return found;
  }
}
