import { takeTokens, type TokenBucket } from '../../rate-limit/index.js';

/** The maximum memory of frames with running handlers, for all connections that share a budget. Bytes, estimated. */
export const MAX_SHARED_RUNNING_BYTES = 4 * 1_048_576;

/** A connection whose frames wait for room. */
export interface RoomWaiter {
  onRoom(): void;
}

/** The budget that all connections of one user share, or of one address before authentication. */
export class SharedBudget {
  connections = 0;
  /** When the bucket is full again, in monotonic milliseconds. */
  fullAt = -Infinity;
  /** The same, for a bucket of the same size that limits the compression of messages to the client. */
  private compressionFullAt: number | undefined;

  private running = 0;
  /** Created when a connection first waits: most budgets never need it. */
  private waiting: Set<RoomWaiter> | undefined;

  /** @param unused the budgets that may be forgotten. This one joins them when its last handler ends after its last connection */
  constructor(
    readonly key: string,
    private readonly bucket: TokenBucket,
    private readonly unused: Set<SharedBudget>,
  ) {}

  /** Whether a connection or a running handler uses the budget. */
  get isUsed(): boolean {
    return this.connections > 0 || this.running > 0;
  }

  /** Returns whether both buckets are full. */
  isFull(now: number): boolean {
    return Math.max(this.fullAt, this.compressionFullAt ?? -Infinity) <= now;
  }

  /** Charges units. @returns 0 if they are within the limit, otherwise the milliseconds to wait */
  charge(now: number, units: number): number {
    const cost = Math.min(units, this.bucket.fillTime / this.bucket.interval);
    const fullAt = takeTokens(this.bucket, this.fullAt, now, cost);
    if (fullAt === undefined)
      return this.fullAt + cost * this.bucket.interval - this.bucket.fillTime - now;
    this.fullAt = fullAt;
    return 0;
  }

  /** Charges the compression of a message. @returns whether it is within the limits */
  compress(now: number, units: number): boolean {
    const fullAt = takeTokens(this.bucket, this.compressionFullAt ?? -Infinity, now, units);
    if (fullAt === undefined) return false;
    this.compressionFullAt = fullAt;
    return true;
  }

  /** Returns whether one more handler may run. If not, `onRoom` of the connection is called when there is room. */
  hasRoom(connection: RoomWaiter): boolean {
    if (this.running < MAX_SHARED_RUNNING_BYTES) return true;
    (this.waiting ??= new Set()).add(connection);
    return false;
  }

  /** Forgets a connection that no longer waits. Without this, a user could fill memory by reconnecting. */
  stopWaiting(connection: RoomWaiter): void {
    this.waiting?.delete(connection);
  }

  begin(bytes: number): void {
    this.running += bytes;
  }

  end(bytes: number): void {
    this.running -= bytes;
    if (!this.isUsed) this.unused.add(this);
    if (!this.waiting || this.running >= MAX_SHARED_RUNNING_BYTES) return;
    const { waiting } = this;
    this.waiting = undefined;
    for (const connection of waiting) connection.onRoom();
  }
}

/**
 * The shared budgets of one bucket size. A budget stays until its buckets are full and its handlers have ended: reconnecting
 * neither refills it nor makes room for more handlers.
 */
export class SharedBudgets {
  private readonly budgets = new Map<string, SharedBudget>();
  /** Budgets that nothing uses. The one whose last use ended first is at the front. */
  private readonly unused = new Set<SharedBudget>();

  constructor(private readonly bucket: TokenBucket) {}

  /** The number of budgets in memory. */
  get size(): number {
    return this.budgets.size;
  }

  open(key: string, now: number): SharedBudget {
    this.forgetFull(now);
    let budget = this.budgets.get(key);
    if (!budget) this.budgets.set(key, (budget = new SharedBudget(key, this.bucket, this.unused)));
    this.unused.delete(budget);
    budget.connections++;
    return budget;
  }

  close(budget: SharedBudget, now: number): void {
    budget.connections--;
    if (!budget.isUsed) this.unused.add(budget);
    this.forgetFull(now);
  }

  /** Forgets budgets with full buckets. Each bucket is full at most `fillTime` after the last use of its budget. */
  private forgetFull(now: number): void {
    for (const budget of this.unused) {
      if (!budget.isFull(now)) return;
      this.unused.delete(budget);
      this.budgets.delete(budget.key);
    }
  }
}
