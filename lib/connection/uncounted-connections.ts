import type { Clock } from '../clock.js';
import type { ConnectionSlot } from './connection-slot.js';
import type { ConnectionStore, SlotClaim } from './connection-store.js';

/** The interval between two attempts while the store fails, in milliseconds. */
const INTERVAL = 500;
/** The time a store must answer without failure, in milliseconds. The other nodes report their connections meanwhile. */
const CALM = 1_000;

/**
 * Connections that this node accepted without the store while it failed. When the store answers again, it counts them.
 * Connections over a limit are then closed.
 */
export class UncountedConnections {
  private readonly connections = new Map<ConnectionSlot, readonly SlotClaim[]>();
  private triedAt = -Infinity;
  private answersSince: number | undefined;
  private isBusy = false;

  /**
   * @param probeKey the key of a count that is read to test the store
   * @param refused called for a connection over a limit
   */
  constructor(
    private readonly store: ConnectionStore,
    private readonly clock: Clock,
    private readonly probeKey: string,
    private readonly refused: (slot: ConnectionSlot) => void,
  ) {}

  get size(): number {
    return this.connections.size;
  }

  add(slot: ConnectionSlot, claims: readonly SlotClaim[]): void {
    this.connections.set(slot, [...(this.connections.get(slot) ?? []), ...claims]);
  }

  /** Counts the connections in the store, if the next attempt is due. */
  check(): void {
    for (const slot of this.connections.keys()) if (slot.isReleased) this.connections.delete(slot);
    const now = this.clock.monotonic();
    if (this.connections.size === 0 || this.isBusy || now - this.triedAt < INTERVAL) return;
    this.triedAt = now;
    this.isBusy = true;
    this.settle(now)
      .catch(() => {
        this.answersSince = undefined;
      })
      .finally(() => {
        this.isBusy = false;
      });
  }

  private async settle(now: number): Promise<void> {
    await this.store.count(this.probeKey);
    this.answersSince ??= now;
    if (now - this.answersSince < CALM) return;
    for (const [slot, claims] of this.connections) {
      const full = await slot.claimAlso(this.store, claims);
      this.connections.delete(slot);
      if (full) this.refused(slot);
    }
    this.answersSince = undefined;
  }
}
