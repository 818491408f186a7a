import type { Clock } from '../clock.js';
import { hashOf, KeyTable } from '../key-table.js';
import { NAMED_TABLES } from './bucket-key.js';
import { RateLimitStore } from './rate-limit-store.js';
import { decide, noRoomIn, type RateLimitDecision, type TokenBucket } from './token-bucket.js';

/**
 * Stores token buckets in memory: one time per key, until its bucket is full again. Each new key removes a few expired
 * ones, so no timer is needed. A limit in use costs one look-up. Each kind of limit has its own table.
 */
export class InMemoryRateLimitStore extends RateLimitStore {
  private readonly tables: ReadonlyMap<string, KeyTable>;
  private readonly application: KeyTable;

  /** @param maxKeys the maximum number of keys per table; beyond it new keys are rejected */
  constructor(
    maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
    const newTable = () => new KeyTable(maxKeys);
    this.application = newTable();
    this.tables = new Map(NAMED_TABLES.map(name => [name, newTable()]));
  }

  /** The number of keys in memory. */
  get size(): number {
    let size = this.application.size;
    for (const table of this.tables.values()) size += table.size;
    return size;
  }

  take(key: string, bucket: TokenBucket, cost: number): RateLimitDecision {
    const buckets = this.tableOf(key);
    const now = this.clock.monotonic();
    const hash = hashOf(key);
    const known = buckets.find(hash, key);
    const decision = decide(bucket, known ? (buckets.times[known] as number) : now, now, cost);
    if (known) buckets.times[known] = decision.fullAt;
    else if (decision.allowed && !buckets.add(now, hash, decision.fullAt, key))
      return noRoomIn(bucket, cost);
    return decision;
  }

  refund(key: string, bucket: TokenBucket, tokens: number): void {
    const buckets = this.tableOf(key);
    const known = buckets.find(hashOf(key), key);
    if (!known) return;
    buckets.times[known] = (buckets.times[known] as number) - tokens * bucket.interval;
    // A full bucket needs no memory.
    if (buckets.times[known] <= this.clock.monotonic()) buckets.remove(known);
  }

  /** Returns the table that the key starts with. */
  private tableOf(key: string): KeyTable {
    const end = key.indexOf(':');
    return (end > 0 ? this.tables.get(key.slice(0, end)) : undefined) ?? this.application;
  }
}
