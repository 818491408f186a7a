import type { Clock } from '../clock.js';
import { hashOf, KeyTable } from '../key-table.js';
import { RefusalError } from '../protocol/errors.js';
import { NonceStore } from './nonce-store.js';

/** Each new nonce has a few old ones looked at, so nothing has to run in the background. */
export class InMemoryNonceStore extends NonceStore {
  private readonly nonces: KeyTable;
  private latest = -Infinity;

  /** @param maxKeys how many keys are remembered at once before new ones are refused */
  constructor(
    maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
    this.nonces = new KeyTable(maxKeys);
  }

  /** How many keys take up memory. */
  get size(): number {
    return this.nonces.size;
  }

  use(key: string, expiresAt: number): boolean {
    return this.useNonce('', key, expiresAt);
  }

  override useNonce(keyId: string, nonce: string, expiresAt: number): boolean {
    const { nonces } = this;
    // A clock set back must not bring back to life what was forgotten.
    const now = (this.latest = Math.max(this.latest, this.clock.now()));
    if (expiresAt < now) return false;
    // The end of the id of a session key is random: enough to keep apart those that sign with the same nonce.
    const hash = hashOf(nonce, hashOf(keyId.slice(-8)));
    const known = nonces.find(hash, nonce, keyId);
    if (known) {
      if ((nonces.times[known] as number) >= now) return false;
      nonces.times[known] = expiresAt;
    } else if (!nonces.add(now, hash, expiresAt, nonce, keyId))
      throw new RefusalError('UNAVAILABLE');
    return true;
  }
}
