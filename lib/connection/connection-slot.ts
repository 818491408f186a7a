import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import type { ConnectionStore, SlotClaim } from './connection-store.js';
import type { InMemoryConnectionStore } from './in-memory-connection-store.js';

/** The place of one connection in all counts that include it. */
export class ConnectionSlot {
  private store: ConnectionStore | undefined;
  private keys: readonly string[] = [];
  // The place in a second store, which counts the connection too, or replaced the first store while it failed.
  private elsewhere: ConnectionSlot | undefined;
  private hasEnded = false;

  get isReleased(): boolean {
    return this.hasEnded;
  }

  /**
   * Adds the connection to counts of a store: all of them, or none.
   *
   * @param own also counts the connection, without a limit
   * @returns the claim that is at its limit; undefined if the connection was counted
   */
  claim(
    store: ConnectionStore,
    claims: readonly SlotClaim[],
    own?: InMemoryConnectionStore,
  ): MaybePromise<SlotClaim | undefined> {
    const missing = this.missing(claims);
    return missing.length === 0 ? undefined : this.claimAlso(store, missing, own);
  }

  /** Works like `claim`, and also adds the connection to counts that another store already has. */
  claimAlso(
    store: ConnectionStore,
    claims: readonly SlotClaim[],
    own?: InMemoryConnectionStore,
  ): MaybePromise<SlotClaim | undefined> {
    return after(store.acquire(claims), full => {
      if (full) return full;
      const keys = claims.map(({ key }) => key);
      // The connection may have ended during the request to the store.
      if (this.hasEnded) {
        releaseKeys(store, keys);
        return undefined;
      }
      this.addKeys(store, keys);
      if (own) {
        own.add(keys);
        this.addKeys(own, keys);
      }
      return undefined;
    });
  }

  /** Returns the claims that no store counts yet. */
  missing(claims: readonly SlotClaim[]): SlotClaim[] {
    return claims.filter(({ key }) => !this.hasKey(key));
  }

  /** Releases the place. Further calls do nothing. */
  release(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    if (this.store) releaseKeys(this.store, this.keys);
    this.elsewhere?.release();
  }

  private hasKey(key: string): boolean {
    return this.keys.includes(key) || (this.elsewhere?.hasKey(key) ?? false);
  }

  private addKeys(store: ConnectionStore, keys: readonly string[]): void {
    this.store ??= store;
    // A spread would reserve spare capacity, which wastes memory in each connection.
    if (this.store === store) this.keys = this.keys.concat(keys);
    else (this.elsewhere ??= new ConnectionSlot()).addKeys(store, keys);
  }
}

function releaseKeys(store: ConnectionStore, keys: readonly string[]): void {
  // If the release does not reach the store, the count expires by itself.
  void recovering(
    () => store.release(keys),
    () => undefined,
  );
}
