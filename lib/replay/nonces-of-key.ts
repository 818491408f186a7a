/** The nonces of one signing key, in the order they came. */
export class NoncesOfKey {
  private readonly expiries = new Map<string, number>();
  /** One iterator lives on: a new one would step over every nonce deleted since. */
  private walk = this.expiries.entries();
  private oldest: [nonce: string, expiry: number] | undefined;

  get isEmpty(): boolean {
    return this.expiries.size === 0;
  }

  expiryOf(nonce: string): number | undefined {
    return this.expiries.get(nonce);
  }

  add(nonce: string, expiry: number): void {
    this.expiries.set(nonce, expiry);
  }

  delete(nonce: string): void {
    this.expiries.delete(nonce);
    if (this.oldest?.[0] === nonce) this.oldest = undefined;
  }

  /** Forgets the oldest nonce if its time is over. @returns whether it did */
  forgetOldest(now: number): boolean {
    this.oldest ??= this.nextOldest();
    if (!this.oldest || this.oldest[1] >= now) return false;
    this.delete(this.oldest[0]);
    return true;
  }

  private nextOldest(): [string, number] | undefined {
    let next = this.walk.next();
    if (next.done && !this.isEmpty) {
      this.walk = this.expiries.entries();
      next = this.walk.next();
    }
    return next.done ? undefined : next.value;
  }
}
