/** The part of the free places that one owner may use. */
const PART = 1 / 8;

/**
 * Divides a bounded table among its owners, so that no owner can fill it. An owner may use at most a fixed part of the free
 * places. The fuller the table, the less a single owner may add, so a new owner always finds a place.
 * Network switches divide their buffers among ports by the same rule (A. Choudhury and E. Hahne, Dynamic Queue Length
 * Thresholds for Shared-Memory Packet Switches, 1998).
 */
export class KeyShares {
  private readonly counts = new Map<string, number>();

  /** The number of owners with at least one key. */
  get size(): number {
    return this.counts.size;
  }

  /**
   * Counts one more key of an owner. @param free the number of free places. @returns false if the owner's share is used up
   */
  claim(owner: string, free: number): boolean {
    const held = this.counts.get(owner) ?? 0;
    // The first key of an owner needs only one free place.
    if (held >= Math.max(Math.min(free, 1), free * PART)) return false;
    this.counts.set(owner, held + 1);
    return true;
  }

  release(owner: string): void {
    const left = (this.counts.get(owner) ?? 0) - 1;
    if (left > 0) this.counts.set(owner, left);
    else this.counts.delete(owner);
  }
}
