import { setTimeout as wait } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Clock } from '../clock.js';
import { hashSlot, spreadTags } from './hash-slot.js';
import type { RedisKeys } from './redis-keys.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { MAX_UNANSWERED, type ScriptBatch } from './script-batch.js';
import { ShardMemory } from './shard-memory.js';

/** The interval at which nodes renew vouches, in milliseconds. It must be much shorter than `VOUCH_TTL`. */
export const VOUCH_INTERVAL = 300;
/** The number of hash slots for nonces on a cluster. It is a multiple of the usual numbers of masters: 3, 4 and 6. */
const SHARDS = 12;
/** The maximum number of signing keys whose events with a future time are remembered. */
const MAX_AHEAD = 1_000;

export interface MemoryOptions {
  readonly clockDrift: number;
  /** Whether to distribute nonces over the masters of a cluster. */
  readonly isCluster: boolean;
}

/**
 * Detects a Redis that may have lost nonces: it was restarted, emptied or replaced, or its clock jumped. Nonces are stored in
 * shards. Each shard is in one hash slot and has its own memory, for which nodes vouch several times a second.
 */
export class RedisMemory {
  private readonly logger = new Logger('SemanticEvents');
  private readonly shards: readonly ShardMemory[];
  /** The latest future event time, by scope. */
  private readonly ahead = new Map<string, number>();
  private readonly clockDrift: number;
  private hasWarned = false;
  private waiting = 0;
  private readonly lossListeners: (() => void)[] = [];

  constructor(
    batch: ScriptBatch,
    keys: RedisKeys,
    private readonly clock: Clock,
    { clockDrift, isCluster }: MemoryOptions,
  ) {
    this.clockDrift = clockDrift;
    const onEviction = this.warnOf.bind(this);
    this.shards = spreadTags(isCluster ? SHARDS : 1).map(
      tag =>
        new ShardMemory(batch, keys, clock, {
          tag,
          clockDrift,
          ahead: this.ahead,
          onEviction,
          onLoss: () => {
            for (const listener of this.lossListeners) listener();
          },
        }),
    );
  }

  /** Calls a function when a new memory has replaced an earlier one. */
  onLoss(listener: () => void): void {
    this.lossListeners.push(listener);
  }

  /** Returns the shard of a nonce. */
  shardOf(nonce: string): ShardMemory {
    const { shards } = this;
    const index = shards.length === 1 ? 0 : hashSlot(nonce) % shards.length;
    return shards[index] as ShardMemory;
  }

  /** Remembers an event with a future time: a new memory must reject the event. */
  noteAhead(scope: string, time: number): void {
    if (this.ahead.size >= MAX_AHEAD && !this.ahead.has(scope)) this.forgetPast();
    this.ahead.set(scope, Math.max(time, this.ahead.get(scope) ?? -Infinity));
  }

  /** Checks all shards, and vouches for the complete ones. */
  async check(): Promise<void> {
    await Promise.all(this.shards.map(shard => shard.check()));
  }

  /** Checks one shard for a waiting call. Limits the number of waiting calls. */
  async checkFor(shard: ShardMemory): Promise<void> {
    if (this.waiting >= MAX_UNANSWERED)
      throw new RedisUnavailableError('too many calls wait for a check of its memory');
    this.waiting++;
    try {
      await shard.check();
    } finally {
      this.waiting--;
    }
  }

  /**
   * Waits until new events are accepted. With a new memory this takes up to `clockDrift`, and twice as long if the clock of another
   * node is ahead. A later watermark is from a clock that was wrong: waiting for it would delay the start without limit.
   */
  async ready(): Promise<void> {
    await this.check();
    const watermark = Math.max(...this.shards.map(shard => shard.watermarkOf('')));
    const end = Math.min(watermark, this.clock.now() + 2 * this.clockDrift);
    const left = () => end + 1 - this.clock.now();
    // A timer can fire early by the wall clock.
    while (left() > 0) await wait(left(), undefined, { ref: false });
  }

  private forgetPast(): void {
    const now = this.clock.now();
    for (const [scope, time] of this.ahead) if (time <= now) this.ahead.delete(scope);
  }

  private warnOf(eviction: string): void {
    if (this.hasWarned || eviction === '' || eviction === 'noeviction') return;
    this.hasWarned = true;
    this.logger.warn(
      `Redis may evict nonces, and then events can be replayed. Its maxmemory-policy is ${eviction}: set it to noeviction`,
    );
  }
}
