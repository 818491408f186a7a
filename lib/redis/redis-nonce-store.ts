import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { RefusalError } from '../protocol/index.js';
import { NonceStore } from '../replay/index.js';
import { RELEASE_NONCE_LUA } from './lua/nonce.lua.js';
import { NonceCalls } from './nonce-calls.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisMemory } from './redis-memory.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { isFull } from './reply-errors.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';
import { VOUCH_TTL } from './shard-memory.js';

const RELEASE = new Script(RELEASE_NONCE_LUA);

/** The number of attempts to use a nonce if the memory keeps changing. */
const ATTEMPTS = 3;
/** The maximum number of unanswered attempts that a node remembers. */
const MAX_UNANSWERED_ATTEMPTS = 10_000;
/** The number of nonces released at once. */
const RELEASE_BATCH = 500;
/** The maximum number of names of one attempt. */
const MAX_NAMES = 16;

export interface NonceStoreOptions {
  /** Milliseconds. */
  readonly clockDrift: number;
  /** Returns the reason why the clock of this node cannot be trusted, or undefined. */
  readonly clockProblem: () => string | undefined;
}

/** Whether a nonce was new, was used before, or may be used again. */
type Outcome = 'new' | 'used' | 'released';

/** An attempt to use a nonce. */
interface NonceUse {
  readonly redisKey: string;
  /** The name of the attempt, and the names that it replaces. Redis may have the nonce under each of them. */
  readonly names: readonly string[];
  readonly expiresAt: number;
}

interface Attempt extends NonceUse {
  /** Whether Redis may still receive an earlier call of this attempt. */
  readonly isRepeated: boolean;
}

/** An attempt without a reply. Redis may have stored the nonce, or may still store it. */
interface UnansweredAttempt extends NonceUse {
  readonly failedAt: number;
  /** Whether a release was sent without a reply. It may still arrive, so a repeated attempt needs another name. */
  readonly isReleasing: boolean;
}

/**
 * Stores each nonce in a key that expires. Redis must not evict keys (`maxmemory-policy noeviction`): an evicted nonce can be
 * used again.
 */
export class RedisNonceStore extends NonceStore {
  private readonly unanswered = new Map<string, UnansweredAttempt>();
  private readonly undecided = new Map<string, Promise<Outcome>>();
  private readonly calls: NonceCalls;
  private readonly node = randomBytes(9).toString('base64url');
  private attempts = 0;
  private latest = -Infinity;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly memory: RedisMemory,
    private readonly clock: Clock,
    private readonly options: NonceStoreOptions,
  ) {
    super();
    this.calls = new NonceCalls(batch, keys);
  }

  override use(key: string, expiresAt: number, madeAt?: number): Promise<boolean> {
    return this.useNonce('', key, expiresAt, madeAt);
  }

  override async useNonce(
    keyId: string,
    nonce: string,
    expiresAt: number,
    madeAt?: number,
  ): Promise<boolean> {
    const outcome = await this.inTurn(idOf(keyId, nonce), async () =>
      (await this.attempt(keyId, nonce, expiresAt, madeAt)) ? 'new' : 'used',
    );
    return outcome === 'new';
  }

  /** Uses the nonce in the same write as the calls of the other decision. Releases it if that decision rejects the event. */
  override async useNonceIf(
    admitted: Promise<boolean>,
    keyId: string,
    nonce: string,
    expiresAt: number,
    madeAt?: number,
  ): Promise<boolean> {
    const id = idOf(keyId, nonce);
    const outcome = await this.inTurn(id, async () => {
      const use = await this.attempt(keyId, nonce, expiresAt, madeAt);
      if (!use) return 'used';
      if (await admitted) return 'new';
      return this.release(id, use, use.isRepeated);
    });
    return outcome === 'new';
  }

  /**
   * Uses or releases a nonce after the previous use or release of it is decided: until then, an event that a client sends again
   * is no replay. If the previous use fails, this one fails, too.
   */
  private async inTurn(id: string, decide: () => Promise<Outcome>): Promise<Outcome> {
    let previous: Promise<Outcome> | undefined;
    while ((previous = this.undecided.get(id))) if ((await previous) !== 'released') return 'used';
    const decided = decide().finally(() => {
      this.undecided.delete(id);
    });
    this.undecided.set(id, decided);
    return decided;
  }

  /** Tries to use a nonce. @returns the successful attempt; undefined if the nonce was used before */
  private async attempt(
    keyId: string,
    nonce: string,
    expiresAt: number,
    madeAt?: number,
  ): Promise<Attempt | undefined> {
    // If the clock is set back, an event whose nonce has expired must stay expired.
    const now = (this.latest = Math.max(this.latest, this.clock.now()));
    if (expiresAt < now) return undefined;
    const problem = this.options.clockProblem();
    if (problem) throw new RedisUnavailableError(problem);
    const id = idOf(keyId, nonce);
    const shard = this.memory.shardOf(nonce);
    const isAhead = madeAt !== undefined && madeAt > now;
    if (isAhead) this.memory.noteAhead(keyId, madeAt);
    const redisKey = this.keys.nonce(shard.tag, id);
    // A client sends an event again after UNAVAILABLE: treat it as the same attempt.
    const earlier = this.unanswered.get(id);
    this.unanswered.delete(id);
    const names = this.namesAfter(earlier);
    const isRepeated = earlier !== undefined;
    let mayBeStored = isRepeated;
    const unanswered = (): UnansweredAttempt => {
      const failedAt = this.clock.monotonic();
      return { redisKey, names, expiresAt, failedAt, isReleasing: false };
    };
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!shard.isKnown) await this.memory.checkFor(shard);
        if (madeAt !== undefined && madeAt <= shard.watermarkOf(keyId))
          throw new RefusalError('EVENT_EXPIRED', {
            reason:
              'Redis has lost nonces since the event was made, so the event may have been used before',
          });
        const ahead = isAhead ? ([keyId, madeAt] as const) : undefined;
        mayBeStored = true;
        const request = { redisKey, ttl: this.ttlOf(expiresAt), names, ahead };
        const isNew = await this.calls.use(shard, request);
        // If the connection was lost meanwhile, the reply may come from another memory.
        if (isNew === true && shard.isKnown) return { redisKey, names, expiresAt, isRepeated };
        if (isNew === false && shard.isKnown) {
          // Another attempt has used the nonce. If it releases the nonce, an earlier call of this one must not use it.
          if (isRepeated) this.remember(id, unanswered());
          return undefined;
        }
        if (isNew === 'lost') await this.memory.checkFor(shard);
      }
      throw new RedisUnavailableError('its memory keeps changing');
    } catch (error) {
      if (mayBeStored) this.remember(id, unanswered());
      throw refusalOf(error as Error);
    }
  }

  /** Releases the nonces of unanswered attempts, so that other nodes accept their events. */
  async releaseUnanswered(olderThan: number): Promise<void> {
    const before = this.clock.monotonic() - olderThan;
    const due = [...this.unanswered].filter(
      // An event that is being decided again takes over its earlier attempt.
      ([id, { failedAt }]) => failedAt <= before && !this.undecided.has(id),
    );
    await Promise.all(
      due.slice(0, RELEASE_BATCH).map(([id, attempt]) => {
        this.unanswered.delete(id);
        return this.inTurn(id, () => this.release(id, attempt));
      }),
    );
  }

  /** Releases the nonces of all unanswered attempts: after the shutdown no node knows their names. */
  async close(): Promise<void> {
    const due = [...this.unanswered];
    this.unanswered.clear();
    await Promise.all(due.map(([id, attempt]) => this.release(id, attempt)));
  }

  /** @param mayArrive whether Redis may still receive a call that uses the nonce */
  private async release(id: string, use: NonceUse, mayArrive = true): Promise<'released'> {
    const { redisKey, names, expiresAt } = use;
    const failedAt = this.clock.monotonic();
    const args = [names.join(' '), this.ttlOf(expiresAt), mayArrive ? 1 : 0];
    try {
      await this.batch.run(RELEASE, [redisKey], args);
    } catch {
      this.remember(id, { redisKey, names, expiresAt, failedAt, isReleasing: true });
    }
    return 'released';
  }

  /** Returns the names of an attempt. A release of the earlier names that arrives late must not release the new one. */
  private namesAfter(earlier: UnansweredAttempt | undefined): readonly string[] {
    if (earlier && !earlier.isReleasing) return earlier.names;
    const name = `${this.node}.${++this.attempts}`;
    return [name, ...(earlier?.names ?? [])].slice(0, MAX_NAMES);
  }

  private remember(id: string, attempt: UnansweredAttempt): void {
    for (const oldest of this.unanswered.keys()) {
      if (this.unanswered.size < MAX_UNANSWERED_ATTEMPTS) break;
      this.unanswered.delete(oldest);
    }
    this.unanswered.set(id, attempt);
  }

  /**
   * Returns how long Redis keeps a nonce: through the millisecond in which it expires, plus `clockDrift` for nodes whose clock
   * is behind, plus `VOUCH_TTL`. If the clock of Redis jumps, the vouch must expire before the nonce.
   */
  private ttlOf(expiresAt: number): number {
    return (
      Math.max(0, Math.ceil(expiresAt - this.latest)) + 1 + this.options.clockDrift + VOUCH_TTL
    );
  }
}

function idOf(keyId: string, nonce: string): string {
  return `${keyId}:${nonce}`;
}

/** A full Redis is not an outage: it rejects only this event. */
function refusalOf(error: Error): Error {
  const { cause } = error;
  if (!isFull(cause)) return error;
  const refusal = new RefusalError('UNAVAILABLE', {
    reason: 'Redis has no memory left for nonces',
  });
  return Object.assign(refusal, { cause });
}
