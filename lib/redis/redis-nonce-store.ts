import type { Clock } from '../clock.js';
import { RefusalError } from '../protocol/index.js';
import type { PendingDecision } from '../rate-limit/index.js';
import { NonceStore } from '../replay/index.js';
import { REMEMBER_LUA } from './lua/epoch.lua.js';
import { ADMIT_LUA, USE_NONCE_LUA } from './lua/nonce.lua.js';
import type { RedisEpoch } from './redis-epoch.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisTuning } from './redis-options.js';
import type { RedisRateLimitStore } from './redis-rate-limit-store.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { type RememberedNonce, RememberedNonces } from './remembered-nonces.js';
import { isFull } from './reply-errors.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const USE = new Script(USE_NONCE_LUA);
const ADMIT = new Script(ADMIT_LUA);
const REMEMBER = new Script(REMEMBER_LUA);

/** Nonces brought back by one script, which holds up Redis for about a millisecond. */
const CHUNK = 500;

/** Where the answer about the nonce is in the reply to a script that takes tokens, too. */
const NONCE_ANSWER = 4;

export type NonceStoreTuning = Pick<RedisTuning, 'clockDrift' | 'maxRememberedNonces'>;

/**
 * One key per nonce, which expires by itself. Redis must not evict keys (`maxmemory-policy noeviction`): a nonce
 * that makes room for another is one that can be used again.
 */
export class RedisNonceStore extends NonceStore {
  private readonly remembered: RememberedNonces;
  private latest = -Infinity;
  private losses = 0;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly epoch: RedisEpoch,
    private readonly limits: RedisRateLimitStore,
    private readonly clock: Clock,
    private readonly tuning: NonceStoreTuning,
  ) {
    super();
    this.remembered = new RememberedNonces(tuning.maxRememberedNonces);
    epoch.onLoss(settledAt => this.bringBack(settledAt));
  }

  /** The first time on a Redis that has lost its memory, or never had one, this waits for that to settle. */
  override async use(key: string, expiresAt: number, madeAt?: number): Promise<boolean> {
    if (this.isOver(key, expiresAt)) return false;
    if (this.epoch.current === '') await this.epoch.known();
    const reply = this.batch.run(USE, this.keysOf(key), this.argsOf(expiresAt, madeAt));
    return this.isNew(await reply.catch(refuseWhenFull), { key, expiresAt, madeAt });
  }

  /** Limit and nonce travel as one script, where that of the limit is still here. */
  override useNonceIf(
    keyId: string,
    nonce: string,
    expiresAt: number,
    limit: PendingDecision,
    madeAt?: number,
  ): Promise<boolean> {
    const key = `${keyId}:${nonce}`;
    const call = this.limits.unsentCall(limit.asked);
    if (!call || this.epoch.current === '' || this.isOver(key, expiresAt))
      return Promise.resolve(super.useNonceIf(keyId, nonce, expiresAt, limit, madeAt));
    call.script = ADMIT;
    call.keys = [...call.keys, ...this.keysOf(key)];
    call.args = [...call.args, ...this.argsOf(expiresAt, madeAt)];
    return call.reply
      .catch(refuseWhenFull)
      .then(reply => this.isNew((reply as unknown[])[NONCE_ANSWER], { key, expiresAt, madeAt }));
  }

  /** Whether a key can be refused without asking: it has expired, or was used here before. */
  private isOver(key: string, expiresAt: number): boolean {
    // A clock set back must not bring back to life what was forgotten.
    this.latest = Math.max(this.latest, this.clock.now());
    return expiresAt < this.latest || this.remembered.has(key, this.latest);
  }

  private keysOf(key: string): string[] {
    return [this.keys.nonce(key), this.keys.epoch, this.keys.settling];
  }

  private argsOf(expiresAt: number, madeAt?: number): (number | string)[] {
    return [this.ttlOf(expiresAt), this.epoch.current, this.epoch.isOlder(madeAt) ? 1 : 0];
  }

  /** Through the millisecond it expires in, and as long as on a node whose clock is behind. */
  private ttlOf(expiresAt: number): number {
    return Math.max(0, Math.ceil(expiresAt - this.latest)) + 1 + this.tuning.clockDrift;
  }

  private isNew(answer: unknown, nonce: RememberedNonce): boolean {
    switch (answer) {
      case 'new':
        this.remembered.add(nonce, this.latest);
        return true;
      case 'known':
      case 'skipped':
        return false;
      case 'older':
        throw new RefusalError('EVENT_EXPIRED');
      case 'lost':
        // Found out by whoever comes next, if Redis cannot be asked now.
        this.epoch.enrol().catch(() => undefined);
        throw new RedisUnavailableError('it has lost its memory');
      default:
        throw new RedisUnavailableError('nonces it has lost are brought back');
    }
  }

  /**
   * Holds the others back for what they could accept otherwise. That the rest is known, and not merely too old to
   * tell, is told afterwards; what nobody else can use is not.
   */
  private async bringBack(settledAt: number): Promise<void> {
    const loss = ++this.losses;
    const { holdTime } = this.epoch;
    const isOpen = ({ madeAt = Infinity }: RememberedNonce) => madeAt > settledAt;
    const isShared = ({ madeAt }: RememberedNonce) => madeAt !== Infinity;
    await this.tell(loss, holdTime, nonce => isShared(nonce) && isOpen(nonce));
    // Redis may be gone once more: then this is begun anew.
    this.tell(loss, 0, nonce => !isOpen(nonce)).catch(() => undefined);
  }

  /** One chunk after the other, so that events find their way in between. */
  private async tell(
    loss: number,
    holdTime: number,
    isWanted: (nonce: RememberedNonce) => boolean,
  ): Promise<void> {
    for (const chunk of this.remembered.chunks(CHUNK, this.latest, isWanted)) {
      if (loss !== this.losses) return;
      const keys = chunk.map(({ key }) => this.keys.nonce(key));
      const ttls = chunk.map(({ expiresAt }) => this.ttlOf(expiresAt));
      await this.batch.run(REMEMBER, [this.keys.settling, ...keys], [holdTime, ...ttls]);
    }
  }
}

/** A Redis without room is full, as a store may be, not out of order. */
function refuseWhenFull(error: unknown): never {
  const { cause } = error as RedisUnavailableError;
  if (!isFull(cause)) throw error;
  throw Object.assign(new RefusalError('UNAVAILABLE'), { cause });
}
