import type { Clock } from '../clock.js';
import { RefusalError } from '../protocol/errors.js';
import { NonceStore } from './nonce-store.js';
import { NoncesOfKey } from './nonces-of-key.js';

/** How many steps of clearing up go with one use: more than one, so that the store shrinks faster than it grows. */
const SWEEP_PER_USE = 2;
/** Where keys are kept that are not the nonces of any signing key. */
const NO_KEY = '';

/**
 * Keeps the nonces of each signing key by themselves: alone a nonce takes up less than with the id of its key before it.
 * Each use looks at the oldest few, key by key and round and round, so no step takes longer than another, and nothing
 * has to run in the background.
 */
export class InMemoryNonceStore extends NonceStore {
  private readonly keys = new Map<string, NoncesOfKey>();
  private readonly sweeper = this.sweeps();
  /** Times are counted from here: V8 keeps small whole numbers in their place, and others elsewhere. */
  private readonly start: number;
  private latest = -Infinity;
  private count = 0;

  /** @param maxKeys how many keys are remembered at once before new ones are refused */
  constructor(
    private readonly maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
    this.start = clock.now();
  }

  /** How many keys take up memory. */
  get size(): number {
    return this.count;
  }

  use(key: string, expiresAt: number): boolean {
    return this.useNonce(NO_KEY, key, expiresAt);
  }

  override useNonce(keyId: string, nonce: string, expiresAt: number): boolean {
    // A clock set back must not bring back to life what was forgotten.
    this.latest = Math.max(this.latest, this.clock.now() - this.start);
    for (let swept = 0; swept < SWEEP_PER_USE; swept++) this.sweeper.next();
    const expiry = expiresAt - this.start;
    if (expiry < this.latest) return false;
    const nonces = this.keys.get(keyId) ?? new NoncesOfKey();
    const known = nonces.expiryOf(nonce);
    if (known !== undefined) {
      if (known >= this.latest) return false;
      nonces.delete(nonce);
      this.count--;
    }
    if (this.count >= this.maxKeys) throw new RefusalError('UNAVAILABLE');
    if (nonces.isEmpty) this.keys.set(keyId, nonces);
    nonces.add(nonce, expiry);
    this.count++;
    return true;
  }

  /** Each step forgets one nonce, or finds that the oldest of a key is still to be remembered. */
  private *sweeps(): Generator<undefined, never> {
    for (;;) {
      for (const [keyId, nonces] of this.keys) {
        while (nonces.forgetOldest(this.latest)) {
          this.count--;
          // A key that goes with its last nonce takes no step of its own: most sign few events.
          if (nonces.isEmpty) break;
          yield;
        }
        if (nonces.isEmpty) this.keys.delete(keyId);
        yield;
      }
      yield;
    }
  }
}
