import { ConnectionStore, type SlotClaim } from './connection-store.js';

/** Counts connections in memory. It drops a count at zero, so that there are never more counts than connections. */
export class InMemoryConnectionStore extends ConnectionStore {
  private readonly counts = new Map<string, number>();

  /** The number of keys in memory. */
  get size(): number {
    return this.counts.size;
  }

  acquire(claims: readonly SlotClaim[]): SlotClaim | undefined {
    const full = claims.find(({ key, limit }) => this.count(key) >= limit);
    if (full) return full;
    this.add(claims.map(({ key }) => key));
    return undefined;
  }

  /** Counts a connection without a limit. */
  add(keys: readonly string[]): void {
    for (const key of keys) this.counts.set(key, this.count(key) + 1);
  }

  release(keys: readonly string[]): void {
    for (const key of keys) {
      const left = this.count(key) - 1;
      if (left > 0) this.counts.set(key, left);
      else this.counts.delete(key);
    }
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0;
  }
}
