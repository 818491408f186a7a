import { ConnectionStore, type SlotClaim } from '../connection/index.js';
import {
  ACQUIRE_LUA,
  COUNT_LUA,
  LEAVE_LUA,
  PUBLISH_LUA,
  RELEASE_LUA,
  RENEW_LUA,
} from './lua/connections.lua.js';
import { NodeCounts } from './node-counts.js';
import type { RedisKeys } from './redis-keys.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const ACQUIRE = new Script(ACQUIRE_LUA);
const RELEASE = new Script(RELEASE_LUA);
const PUBLISH = new Script(PUBLISH_LUA);
const RENEW = new Script(RENEW_LUA);
const LEAVE = new Script(LEAVE_LUA);
const COUNT = new Script(COUNT_LUA);

/** What a script answers when Redis does not know this node, or not what it counts. */
const LAPSED = -1;
/** How often a lease is renewed before it runs out. */
const RENEWALS_PER_LEASE = 3;
/** How often a connection is tried to be counted while the lease lapses again and again. */
const ATTEMPTS = 3;

export interface NodeLease {
  /** Names this node among all that share the Redis. */
  readonly node: string;
  /** Milliseconds. */
  readonly lease: number;
}

/**
 * Counts the connections of all nodes. Each node has its own counts on lease, and knows them itself: whenever
 * Redis has lost them, or may not have got them right, they are published anew.
 */
export class RedisConnectionStore extends ConnectionStore {
  private readonly counts = new NodeCounts();
  private isPublished = false;
  private publishing: Promise<void> | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  /** Answers that are on their way, which will change the counts. */
  private readonly acquiring = new Set<Promise<unknown>>();

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly lease: NodeLease,
  ) {
    super();
  }

  override async acquire(claims: readonly SlotClaim[]): Promise<SlotClaim | undefined> {
    if (claims.length === 0) return undefined;
    this.startHeartbeat();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (!this.isPublished || this.publishing) await this.publish();
      const position = await this.tryAcquire(claims);
      if (position === LAPSED) continue;
      return position === 0 ? undefined : claims[position - 1];
    }
    throw new RedisUnavailableError('it loses the lease of this node');
  }

  override async release(keys: readonly string[]): Promise<void> {
    const held = this.counts.remove(keys);
    // What is to be published anew will be without it.
    if (held.length === 0 || !this.isPublished) return;
    await this.run(RELEASE, held);
  }

  override async count(key: string): Promise<number> {
    return (await this.batch.run(COUNT, [this.keys.nodes], [this.lease.node, key])) as number;
  }

  /** Renews the lease; publishes the counts where Redis does not have them. */
  async renew(): Promise<void> {
    if (!this.heartbeat) return;
    if (this.isPublished && !this.publishing) {
      const total = this.acquiring.size === 0 ? this.counts.total : -1;
      await this.run(RENEW, [this.lease.lease, total]);
    }
    if (!this.isPublished) await this.publish();
  }

  /** Gives up the lease, and with it the place of every connection of this node. */
  async close(): Promise<void> {
    if (!this.heartbeat) return;
    clearInterval(this.heartbeat);
    await this.batch.run(LEAVE, [this.keys.nodes], [this.lease.node]);
  }

  private async tryAcquire(claims: readonly SlotClaim[]): Promise<number> {
    const pairs = claims.flatMap(({ key, limit }) => [key, limit]);
    const asked = this.run(ACQUIRE, [this.lease.lease, ...pairs]).then(position => {
      if (position === 0) this.counts.add(claims.map(({ key }) => key));
      return position;
    });
    this.acquiring.add(asked);
    try {
      return await asked;
    } finally {
      this.acquiring.delete(asked);
    }
  }

  private publish(): Promise<void> {
    this.publishing ??= this.publishOnce().finally(() => {
      this.publishing = undefined;
    });
    return this.publishing;
  }

  /** What is on its way is waited for: it would be counted twice, or not at all. */
  private async publishOnce(): Promise<void> {
    await Promise.allSettled(this.acquiring);
    // From here on what is released must be told, too: scripts are run in the order they were called in.
    this.isPublished = true;
    await this.run(PUBLISH, [this.lease.lease, ...this.counts.pairs()]);
  }

  /** Whatever fails may have been done or not: the counts must be published anew. */
  private async run(script: Script, args: readonly (string | number)[]): Promise<number> {
    try {
      const asked = this.batch.run(script, [this.keys.nodes], [this.lease.node, ...args]);
      const answer = (await asked) as number;
      if (answer === LAPSED) this.isPublished = false;
      return answer;
    } catch (error) {
      this.isPublished = false;
      throw error;
    }
  }

  private startHeartbeat(): void {
    this.heartbeat ??= setInterval(() => {
      // Tried again by the next one, and at the latest by the next connection.
      this.renew().catch(() => undefined);
    }, this.lease.lease / RENEWALS_PER_LEASE).unref();
  }
}
