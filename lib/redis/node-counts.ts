/** What one node counts: there are never more keys than its connections have. */
export class NodeCounts {
  private readonly counts = new Map<string, number>();
  private sum = 0;

  /** All counts together. */
  get total(): number {
    return this.sum;
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    this.sum += keys.length;
  }

  /** @returns the keys that were counted; one that was not is none of ours to take away */
  remove(keys: readonly string[]): string[] {
    return keys.filter(key => {
      const count = this.counts.get(key);
      if (count === undefined) return false;
      if (count > 1) this.counts.set(key, count - 1);
      else this.counts.delete(key);
      this.sum--;
      return true;
    });
  }

  /** Key, count, key, count, as scripts take them. */
  pairs(): (string | number)[] {
    return [...this.counts].flat();
  }
}
