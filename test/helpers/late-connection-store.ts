import {
  ConnectionStore,
  InMemoryConnectionStore,
  type SlotClaim,
} from '../../lib/connection/index.js';

/** Delays calls of the in-memory store until a test allows them, like a store on a slow network. */
export class LateConnectionStore extends ConnectionStore {
  readonly memory = new InMemoryConnectionStore();
  private waiting: (() => void)[] = [];
  isLate = true;

  async acquire(claims: readonly SlotClaim[]): Promise<SlotClaim | undefined> {
    if (this.isLate) await new Promise<void>(resolve => this.waiting.push(resolve));
    return this.memory.acquire(claims);
  }

  async release(keys: readonly string[]): Promise<void> {
    this.memory.release(keys);
  }

  async count(key: string): Promise<number> {
    return this.memory.count(key);
  }

  /** The number of delayed calls. */
  get delayedCalls(): number {
    return this.waiting.length;
  }

  answer(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
