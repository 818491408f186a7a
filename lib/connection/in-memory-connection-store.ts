import { ConnectionStore, type SlotClaim } from './connection-store.js';

/** Keeps a count only while it is above zero: there are never more of them than connections. */
export class InMemoryConnectionStore extends ConnectionStore {
  private readonly counts = new Map<string, number>();

  /** How many keys take up memory. */
  get size(): number {
    return this.counts.size;
  }

  acquire(claims: readonly SlotClaim[]): SlotClaim | undefined {
    const full = claims.find(({ key, limit }) => this.count(key) >= limit);
    if (full) return full;
    for (const { key } of claims) this.counts.set(key, this.count(key) + 1);
    return undefined;
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
