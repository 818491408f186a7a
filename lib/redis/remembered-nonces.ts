/** How many expired keys are dropped for each one that comes: the memory shrinks faster than it grows. */
const SWEEP_PER_KEY = 2;

export interface RememberedNonce {
  readonly key: string;
  readonly expiresAt: number;
  /** As a store is told; undefined where it was not. */
  readonly madeAt: number | undefined;
}

/** The nonces this node has seen used, in the order they came, until they expire. */
export class RememberedNonces {
  private readonly nonces = new Map<string, RememberedNonce>();
  private sweeper = this.nonces.values();
  private oldest: RememberedNonce | undefined;

  /** @param maxKeys how many are remembered at once; the oldest is given up for a new one */
  constructor(private readonly maxKeys: number) {}

  get size(): number {
    return this.nonces.size;
  }

  add(nonce: RememberedNonce, now: number): void {
    for (let swept = 0; swept < SWEEP_PER_KEY; swept++) {
      this.oldest ??= this.nextOldest();
      if (!this.oldest || (this.oldest.expiresAt >= now && this.nonces.size < this.maxKeys)) break;
      this.nonces.delete(this.oldest.key);
      this.oldest = undefined;
    }
    this.nonces.set(nonce.key, nonce);
  }

  has(key: string, now: number): boolean {
    return (this.nonces.get(key)?.expiresAt ?? -Infinity) >= now;
  }

  /** What has not expired and is wanted, at most so many at a time. */
  *chunks(
    size: number,
    now: number,
    isWanted: (nonce: RememberedNonce) => boolean,
  ): Generator<RememberedNonce[]> {
    let chunk: RememberedNonce[] = [];
    for (const nonce of this.nonces.values()) {
      if (nonce.expiresAt < now || !isWanted(nonce)) continue;
      chunk.push(nonce);
      if (chunk.length < size) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  }

  /** One iterator lives on from key to key: a new one would step over every key deleted since. */
  private nextOldest(): RememberedNonce | undefined {
    let next = this.sweeper.next();
    if (next.done && this.nonces.size > 0) {
      this.sweeper = this.nonces.values();
      next = this.sweeper.next();
    }
    return next.done ? undefined : next.value;
  }
}
