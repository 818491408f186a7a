import { after, type MaybePromise } from '../maybe-promise.js';
import type { ConnectionStore, SlotClaim } from './connection-store.js';

/** The place of one connection in all counts it is part of. */
export class ConnectionSlot {
  private readonly keys: string[];
  private isReleased = false;

  constructor(
    private readonly store: ConnectionStore,
    keys: readonly string[],
  ) {
    this.keys = [...keys];
  }

  /** Adds the connection to one more count. @returns whether there was room */
  claim(claim: SlotClaim): MaybePromise<boolean> {
    if (this.keys.includes(claim.key)) return true;
    return after(this.store.acquire([claim]), full => {
      if (full) return false;
      this.keys.push(claim.key);
      // The connection may have ended while the store was asked.
      if (this.isReleased) void this.store.release([claim.key]);
      return true;
    });
  }

  /** Gives the place back. However a connection ends, and however often this is told, once. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    void this.store.release(this.keys);
  }
}
