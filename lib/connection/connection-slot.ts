import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import type { ConnectionStore, SlotClaim } from './connection-store.js';

/** The place of one connection in all counts it is part of. */
export class ConnectionSlot {
  private store: ConnectionStore | undefined;
  private keys: readonly string[] = [];
  // In another store, which stood in for the first when that failed.
  private elsewhere: ConnectionSlot | undefined;
  private isReleased = false;

  /**
   * Adds the connection to counts of a store: all of them, or none.
   *
   * @returns the claim that was at its limit; undefined when the connection was counted
   */
  claim(store: ConnectionStore, claims: readonly SlotClaim[]): MaybePromise<SlotClaim | undefined> {
    const missing = claims.filter(({ key }) => !this.holds(key));
    if (missing.length === 0) return undefined;
    return after(store.acquire(missing), full => {
      if (full) return full;
      const keys = missing.map(({ key }) => key);
      // The connection may have ended while the store was asked.
      if (this.isReleased) giveBack(store, keys);
      else this.hold(store, keys);
      return undefined;
    });
  }

  /** Gives the place back. However a connection ends, and however often this is told, once. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    if (this.store) giveBack(this.store, this.keys);
    this.elsewhere?.release();
  }

  private holds(key: string): boolean {
    return this.keys.includes(key) || (this.elsewhere?.holds(key) ?? false);
  }

  private hold(store: ConnectionStore, keys: readonly string[]): void {
    this.store ??= store;
    // An array made by a spread has room for more, which is lost memory in each connection.
    if (this.store === store) this.keys = this.keys.concat(keys);
    else (this.elsewhere ??= new ConnectionSlot()).hold(store, keys);
  }
}

function giveBack(store: ConnectionStore, keys: readonly string[]): void {
  // A store that cannot be told forgets by itself what it hears no more of.
  void recovering(
    () => store.release(keys),
    () => undefined,
  );
}
