import type { Clock } from '../clock.js';
import { RefusalError } from '../protocol/index.js';
import type { PendingDecision } from '../rate-limit/index.js';
import { NonceStore } from '../replay/index.js';
import { ADMIT_LUA, USE_NONCE_LUA } from './lua/nonce.lua.js';
import { NonceEpoch, type NonceTtl } from './nonce-epoch.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisTuning } from './redis-options.js';
import type { RedisRateLimitStore } from './redis-rate-limit-store.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { RememberedNonces } from './remembered-nonces.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const USE = new Script(USE_NONCE_LUA);
const ADMIT = new Script(ADMIT_LUA);

/** Where the answer about the nonce is in the reply to a script that takes tokens, too. */
const NONCE_ANSWER = 4;

export type NonceStoreTuning = Pick<
  RedisTuning,
  'clockDrift' | 'settleTime' | 'maxRememberedNonces'
>;

/**
 * One key per nonce, which expires by itself. Redis must not evict keys (`maxmemory-policy noeviction`): a nonce
 * that makes room for another is one that can be used again.
 */
export class RedisNonceStore extends NonceStore {
  private readonly remembered: RememberedNonces;
  private readonly epoch: NonceEpoch;
  private latest = -Infinity;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly limits: RedisRateLimitStore,
    private readonly clock: Clock,
    private readonly tuning: NonceStoreTuning,
  ) {
    super();
    this.remembered = new RememberedNonces(tuning.maxRememberedNonces);
    this.epoch = new NonceEpoch(batch, keys, tuning.settleTime, size => this.chunks(size));
  }

  /** To be called whenever Redis can be reached again: what it has forgotten is brought back before it is missed. */
  enrol(): Promise<void> {
    return this.epoch.enrol();
  }

  /** Asks whether Redis still has the memory it had, and brings back what it has lost. */
  async checkMemory(link: RedisLink): Promise<void> {
    try {
      const replies = await link.exchange(pipeline => pipeline.get(this.keys.epoch));
      if (replies[0]?.[1] !== this.epoch.current) await this.epoch.enrol();
    } catch {
      // The link has told; it is tried again when Redis is back.
    }
  }

  override async use(key: string, expiresAt: number): Promise<boolean> {
    if (this.isOver(key, expiresAt)) return false;
    if (this.epoch.current === '') await this.epoch.enrol();
    const reply = this.batch.run(USE, this.keysOf(key), this.argsOf(expiresAt));
    return this.isNew(await reply.catch(refuseWhenFull), key, expiresAt);
  }

  /** Limit and nonce travel as one script, where that of the limit is still here. */
  override useIf(key: string, expiresAt: number, limit: PendingDecision): Promise<boolean> {
    const call = this.limits.unsentCall(limit.asked);
    if (!call || this.epoch.current === '' || this.isOver(key, expiresAt))
      return Promise.resolve(super.useIf(key, expiresAt, limit));
    call.script = ADMIT;
    call.keys = [...call.keys, ...this.keysOf(key)];
    call.args = [...call.args, ...this.argsOf(expiresAt)];
    return call.reply
      .catch(refuseWhenFull)
      .then(reply => this.isNew((reply as unknown[])[NONCE_ANSWER], key, expiresAt));
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

  private argsOf(expiresAt: number): [ttl: number, epoch: string] {
    return [this.ttlOf(expiresAt), this.epoch.current];
  }

  /** Through the millisecond it expires in, and as long as on a node whose clock is behind. */
  private ttlOf(expiresAt: number): number {
    return Math.max(0, Math.ceil(expiresAt - this.latest)) + 1 + this.tuning.clockDrift;
  }

  private isNew(answer: unknown, key: string, expiresAt: number): boolean {
    switch (answer) {
      case 'new':
        this.remembered.add(key, expiresAt, this.latest);
        return true;
      case 'known':
      case 'skipped':
        return false;
      case 'lost':
        // Found out by whoever comes next, if Redis cannot be asked now.
        this.epoch.enrol().catch(() => undefined);
        throw new RedisUnavailableError('it has lost its memory');
      default:
        throw new RedisUnavailableError('nonces it has lost are brought back');
    }
  }

  private *chunks(size: number): Generator<NonceTtl[]> {
    for (const chunk of this.remembered.chunks(size, this.latest))
      yield chunk.map(([key, expiresAt]) => ({
        key: this.keys.nonce(key),
        ttl: this.ttlOf(expiresAt),
      }));
  }
}

/** A Redis without room is full, as a store may be, not out of order. */
function refuseWhenFull(error: unknown): never {
  const { cause } = error as RedisUnavailableError;
  if (!(cause instanceof Error && cause.message.startsWith('OOM'))) throw error;
  throw Object.assign(new RefusalError('UNAVAILABLE'), { cause });
}
