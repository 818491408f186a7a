import type { Clock } from '../clock.js';
import { hashOf, KeyTable } from '../key-table.js';
import { RefusalError } from '../protocol/errors.js';
import { NonceStore } from './nonce-store.js';

/** The maximum number of signing keys with a watermark of their own. */
const MAX_WATERMARKS = 1_000;

/**
 * Stores nonces in the memory of this process. A full store drops the oldest nonce and raises the watermark of its signing
 * key. It rejects events that expire at or before the watermark, and accepts newer ones. It also rejects events created
 * before the store, because an earlier process may have accepted them.
 */
export class InMemoryNonceStore extends NonceStore {
  private readonly nonces: KeyTable;
  private readonly startedAt: number;
  /** The latest expiry of a nonce that was dropped early, by signing key. */
  private readonly watermarks = new Map<string, number>();
  /** The watermark of the keys that have none of their own any more. */
  private commonWatermark = -Infinity;
  private latest = -Infinity;

  /** @param maxKeys the maximum number of nonces; beyond it the oldest is dropped */
  constructor(
    maxKeys: number,
    private readonly clock: Clock,
  ) {
    super();
    this.nonces = new KeyTable(maxKeys);
    this.startedAt = clock.now();
  }

  /** The number of nonces in memory. */
  get size(): number {
    return this.nonces.size;
  }

  use(key: string, expiresAt: number, madeAt?: number): boolean {
    return this.useNonce('', key, expiresAt, madeAt);
  }

  override useNonce(keyId: string, nonce: string, expiresAt: number, madeAt = Infinity): boolean {
    const { nonces } = this;
    // A clock that is set back must not make dropped nonces valid again.
    const now = (this.latest = Math.max(this.latest, this.clock.now()));
    if (expiresAt < now) return false;
    // The end of the key id is enough: it separates keys that use the same nonce.
    const hash = hashOf(nonce, hashOf(keyId.slice(-8)));
    const known = nonces.find(hash, nonce, keyId);
    if (known && (nonces.times[known] as number) >= now) return false;
    if (madeAt < this.startedAt)
      throw new RefusalError('EVENT_EXPIRED', {
        reason:
          'it was created before this process started, and nonces were lost at the restart: sign it again',
      });
    this.refuseForgotten(keyId, expiresAt);
    if (known) nonces.times[known] = expiresAt;
    else
      while (!nonces.add(now, hash, expiresAt, nonce, keyId)) {
        this.forgetOldest();
        this.refuseForgotten(keyId, expiresAt);
      }
    return true;
  }

  /** @throws RefusalError `EVENT_EXPIRED` for an event whose nonce may have been dropped */
  private refuseForgotten(keyId: string, expiresAt: number): void {
    if (expiresAt <= this.watermarkOf(keyId))
      throw new RefusalError('EVENT_EXPIRED', {
        reason: 'its nonce may have been dropped: more than replay.maxNonces were in use',
      });
  }

  private watermarkOf(keyId: string): number {
    return Math.max(this.watermarks.get(keyId) ?? -Infinity, this.commonWatermark);
  }

  private forgetOldest(): void {
    const { time, scope } = this.nonces.removeOldest();
    this.watermarks.set(scope, Math.max(time, this.watermarkOf(scope)));
    if (this.watermarks.size <= MAX_WATERMARKS) return;
    this.commonWatermark = Math.max(...this.watermarks.values());
    this.watermarks.clear();
  }
}
