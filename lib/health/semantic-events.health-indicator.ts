import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { Clock } from '../clock.js';
import { ConnectionManager, ConnectionStore, EVERYONE } from '../connection/index.js';
import { inTime, type MaybePromise } from '../maybe-promise.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RateLimitStore, tokenBucket } from '../rate-limit/index.js';
import { NonceStore } from '../replay/index.js';
import { KeyRefresh } from '../signing/index.js';

export interface HealthLimits {
  /** The time a store has to answer, in milliseconds. @default 1_000 */
  storeTimeout?: number;
  /** The share of `connection.maxConnections` above which the node counts as full, from 0 to 1. @default 0.95 */
  capacity?: number;
  /** The maximum delay of the event loop (99th percentile since the last check), in milliseconds. @default 500 */
  eventLoopDelay?: number;
}

const NANOSECONDS = 1_000_000;
const PROBE = tokenBucket({ rate: 1_000, burst: 1_000 });
const PROBE_LIFETIME = 1_000;

/**
 * Reports to @nestjs/terminus whether the stores answer, the node accepts more connections, and the event loop keeps up. A key ring
 * that cannot be refreshed is shown as `signingKeys: 'stale'`, and leaves the status as it is: the ring in use still works.
 */
@Injectable()
export class SemanticEventsHealthIndicator implements OnModuleDestroy {
  private readonly delay = monitorEventLoopDelay();

  constructor(
    private readonly indicator: HealthIndicatorService,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly connections: ConnectionManager,
    private readonly connectionStore: ConnectionStore,
    private readonly nonces: NonceStore,
    private readonly rateLimits: RateLimitStore,
    private readonly clock: Clock,
    private readonly keyRefresh: KeyRefresh,
  ) {
    this.delay.enable();
  }

  /**
   * Checks stores, capacity and event loop. It sends a request to each store, so it notices a recovered store without any
   * client.
   *
   * @param key the name of this indicator in the application
   */
  async isHealthy<const K extends string>(
    key: K,
    { storeTimeout = 1_000, capacity = 0.95, eventLoopDelay = 500 }: HealthLimits = {},
  ): Promise<HealthIndicatorResult<K>> {
    const { maxConnections } = this.options.connection;
    // The limit counts all nodes. If the store cannot count them, use the number of this node.
    let open = this.connections.count;
    const count = async () => {
      open = await this.connectionStore.count(EVERYONE);
    };
    const stores = await this.checkStores(count, storeTimeout);
    const delay = Math.round(this.delay.percentile(99) / NANOSECONDS);
    this.delay.reset();
    const details = {
      stores,
      connections: { open, limit: maxConnections },
      eventLoopDelay: delay,
      signingKeys: this.keyRefresh.problem === undefined ? 'up' : 'stale',
    };
    const isUp =
      Object.values(stores).every(status => status === 'up') &&
      open <= capacity * maxConnections &&
      delay <= eventLoopDelay;
    const check = this.indicator.check(key);
    return isUp ? check.up(details) : check.down(details);
  }

  onModuleDestroy(): void {
    this.delay.disable();
  }

  private async checkStores(count: () => Promise<void>, timeout: number) {
    const expiresAt = this.clock.now() + PROBE_LIFETIME;
    const [connections, nonces, rateLimits] = await Promise.all([
      answers(count, timeout),
      answers(() => this.nonces.use(`health:${randomUUID()}`, expiresAt), timeout),
      answers(() => this.rateLimits.take('health', PROBE, 1), timeout),
    ]);
    return { connections, nonces, rateLimits };
  }
}

/** Returns whether a store answers in time. The protection that uses the store reports the error. */
async function answers(
  request: () => MaybePromise<unknown>,
  timeout: number,
): Promise<'up' | 'down'> {
  try {
    await inTime(Promise.resolve().then(request), timeout, 'late');
    return 'up';
  } catch {
    return 'down';
  }
}
