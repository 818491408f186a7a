/** How many expired keys are dropped for each one that comes: the memory shrinks faster than it grows. */
const SWEEP_PER_KEY = 2;

/** The nonces this node has seen used, in the order they came, until they expire. */
export class RememberedNonces {
  private readonly expiries = new Map<string, number>();
  private sweeper = this.expiries.entries();
  private oldest: [string, number] | undefined;

  /** @param maxKeys how many are remembered at once; the oldest is given up for a new one */
  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.expiries.size;
  }

  add(key: string, expiresAt: number, now: number): void {
    for (let swept = 0; swept < SWEEP_PER_KEY; swept++) {
      this.oldest ??= this.nextOldest();
      if (!this.oldest || (this.oldest[1] >= now && this.expiries.size < this.maxKeys)) break;
      this.expiries.delete(this.oldest[0]);
      this.oldest = undefined;
    }
    this.expiries.set(key, expiresAt);
  }

  has(key: string, now: number): boolean {
    return (this.expiries.get(key) ?? -Infinity) >= now;
  }

  /** What has not expired, at most so many at a time. */
  *chunks(size: number, now: number): Generator<[key: string, expiresAt: number][]> {
    let chunk: [string, number][] = [];
    for (const entry of this.expiries) {
      if (entry[1] < now) continue;
      chunk.push(entry);
      if (chunk.length < size) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  }

  /** One iterator lives on from key to key: a new one would step over every key deleted since. */
  private nextOldest(): [string, number] | undefined {
    let next = this.sweeper.next();
    if (next.done && this.expiries.size > 0) {
      this.sweeper = this.expiries.entries();
      next = this.sweeper.next();
    }
    return next.done ? undefined : next.value;
  }
}
