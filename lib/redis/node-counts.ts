/** The connection counts of one node. Their memory is bounded by the number of connections. */
export class NodeCounts {
  private readonly counts = new Map<string, number>();
  private sum = 0;

  /** The sum of all counts. */
  get total(): number {
    return this.sum;
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    this.sum += keys.length;
  }

  /** Decrements counts. @returns the keys that this node had counted; the caller must not release any others */
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

  /** Returns alternating keys and counts, as scripts expect them. */
  pairs(): (string | number)[] {
    return [...this.counts].flat();
  }
}
