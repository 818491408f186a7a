/** How many expired keys are dropped for each one that comes: the memory shrinks faster than it grows. */
const SWEEP_PER_KEY = 2;

/** The nonces this node has seen used, in the order they came, until they expire. */
export class RememberedNonces {
  private readonly expiries = new Map<string, number>();

  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.expiries.size;
  }

  add(key: string, expiresAt: number, now: number): void {
    let looked = 0;
    for (const [oldest, expiry] of this.expiries) {
      if (this.expiries.size < this.maxKeys && (expiry >= now || looked++ >= SWEEP_PER_KEY)) break;
      this.expiries.delete(oldest);
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
}
