import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import type { ConnectionStore, SlotClaim } from './connection-store.js';

/** The place of one connection in all counts it is part of. */
export class ConnectionSlot {
  private readonly held = new Map<string, ConnectionStore>();
  private isReleased = false;

  /**
   * Adds the connection to counts of a store: all of them, or none.
   *
   * @returns the claim that was at its limit; undefined when the connection was counted
   */
  claim(store: ConnectionStore, claims: readonly SlotClaim[]): MaybePromise<SlotClaim | undefined> {
    const missing = claims.filter(({ key }) => !this.held.has(key));
    if (missing.length === 0) return undefined;
    return after(store.acquire(missing), full => {
      if (full) return full;
      for (const { key } of missing) this.held.set(key, store);
      // The connection may have ended while the store was asked.
      if (this.isReleased) this.giveBack(missing.map(({ key }) => key));
      return undefined;
    });
  }

  /** Gives the place back. However a connection ends, and however often this is told, once. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.giveBack([...this.held.keys()]);
  }

  private giveBack(keys: readonly string[]): void {
    for (const store of new Set(this.held.values())) {
      const ofStore = keys.filter(key => this.held.get(key) === store);
      // A store that cannot be told forgets by itself what it hears no more of.
      if (ofStore.length > 0)
        void recovering(
          () => store.release(ofStore),
          () => undefined,
        );
    }
  }
}
