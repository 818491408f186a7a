import type { Clock } from '../clock.js';
import { hashOf, KeyTable } from '../key-table.js';

/**
 * Limits the number of buckets that a single user or address can create, in any store. It counts only keys that a client
 * can choose, such as the name of a room.
 */
export class BucketQuota {
  private readonly keys: KeyTable;

  /** @param maxKeys the maximum number of counted keys, of all owners together */
  constructor(
    maxKeys: number,
    private readonly clock: Clock,
  ) {
    this.keys = new KeyTable(maxKeys);
  }

  get size(): number {
    return this.keys.size;
  }

  /**
   * Counts a key until its bucket is full again.
   *
   * @param fillTime the time in which the bucket fills, in milliseconds
   * @returns false if the owner's share is used up
   */
  claim(key: string, owner: string, fillTime: number): boolean {
    const hash = hashOf(key);
    const now = this.clock.monotonic();
    const place = this.keys.find(hash, key);
    if (place === 0) return this.keys.add(now, hash, now + fillTime, key, '', owner);
    // An expired key may still be in the table: count it again.
    const { times } = this.keys;
    times[place] = Math.max(times[place] as number, now + fillTime);
    return true;
  }

  /** Records when a bucket will be full. @param resetAfter milliseconds until then */
  note(key: string, resetAfter: number): void {
    const place = this.keys.find(hashOf(key), key);
    if (place !== 0) this.keys.times[place] = this.clock.monotonic() + resetAfter;
  }
}
