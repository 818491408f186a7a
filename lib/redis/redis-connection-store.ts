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
import { contained } from '../monitoring/index.js';

const ACQUIRE = new Script(ACQUIRE_LUA);
const RELEASE = new Script(RELEASE_LUA);
const PUBLISH = new Script(PUBLISH_LUA);
const RENEW = new Script(RENEW_LUA);
const LEAVE = new Script(LEAVE_LUA);
const COUNT = new Script(COUNT_LUA);

/** The reply of a script if Redis does not know this node or its counts. */
const LAPSED = -1;
/** The number of renewals during one lease. */
export const RENEWALS_PER_LEASE = 3;
/** The number of attempts to count a connection if the lease keeps lapsing. */
const ATTEMPTS = 3;

export interface NodeLease {
  /** The name of this node, unique among all nodes that share the Redis. */
  readonly node: string;
  /** Milliseconds. */
  readonly lease: number;
}

/**
 * Counts the connections of all nodes. The counts of each node are stored under a lease, and the node keeps a copy of them.
 * If Redis has lost the counts, or may have wrong ones, the node publishes them again.
 */
export class RedisConnectionStore extends ConnectionStore {
  private readonly counts = new NodeCounts();
  private isPublished = false;
  private publishing: Promise<void> | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  /** Pending requests that will change the counts. */
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
    throw new RedisUnavailableError('the lease of this node keeps lapsing');
  }

  override async release(keys: readonly string[]): Promise<void> {
    const held = this.counts.remove(keys);
    // If the counts must be published again, they no longer contain these keys.
    if (held.length === 0 || !this.isPublished) return;
    await this.run(RELEASE, held);
  }

  override async count(key: string): Promise<number> {
    return (await this.batch.run(COUNT, [this.keys.nodes], [this.lease.node, key])) as number;
  }

  /** Renews the lease. Publishes the counts if Redis does not have them. */
  async renew(): Promise<void> {
    if (!this.heartbeat) return;
    if (this.isPublished && !this.publishing) {
      const total = this.acquiring.size === 0 ? this.counts.total : -1;
      await this.run(RENEW, [this.lease.lease, total]);
    }
    if (!this.isPublished) await this.publish();
  }

  /** Ends the lease, which releases every connection of this node. */
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

  /** Publishes the counts. Waits for pending requests first: otherwise they would be counted twice, or not at all. */
  private async publishOnce(): Promise<void> {
    await Promise.allSettled(this.acquiring);
    // Releases from now on must be sent, because Redis runs scripts in the order of their calls.
    this.isPublished = true;
    await this.run(PUBLISH, [this.lease.lease, ...this.counts.pairs()]);
  }

  /** Runs a script. A failed call may have been executed, so the counts must be published again. */
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
    const beat = contained(() => {
      // The next heartbeat or the next connection tries again.
      this.renew().catch(() => undefined);
    });
    this.heartbeat ??= setInterval(beat, this.lease.lease / RENEWALS_PER_LEASE).unref();
  }
}
