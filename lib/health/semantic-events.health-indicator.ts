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

export interface HealthLimits {
  /** How long a store may take to answer, in milliseconds. @default 1_000 */
  storeTimeout?: number;
  /** The share of `connection.maxConnections` above which there is no room left, 0 to 1. @default 0.95 */
  capacity?: number;
  /** How late the event loop may be, 99 times of 100 since the last check, in milliseconds. @default 500 */
  eventLoopDelay?: number;
}

const NANOSECONDS = 1_000_000;
const PROBE = tokenBucket({ rate: 1_000, burst: 1_000 });
const PROBE_LIFETIME = 1_000;

/** Tells @nestjs/terminus whether stores answer, there is room for connections, and the event loop keeps up. */
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
  ) {
    this.delay.enable();
  }

  /**
   * Checks stores, capacity and event loop. Stores are really asked: one that is back is seen to be, although no
   * client comes any more.
   *
   * @param key what it is called among the indicators of the application
   */
  async isHealthy<const K extends string>(
    key: K,
    { storeTimeout = 1_000, capacity = 0.95, eventLoopDelay = 500 }: HealthLimits = {},
  ): Promise<HealthIndicatorResult<K>> {
    const { maxConnections } = this.options.connection;
    // Of all nodes, as the limit is; of this one where the store does not tell.
    let open = this.connections.count;
    const count = async () => {
      open = await this.connectionStore.count(EVERYONE);
    };
    const stores = await this.askStores(count, storeTimeout);
    const delay = Math.round(this.delay.percentile(99) / NANOSECONDS);
    this.delay.reset();
    const details = {
      stores,
      connections: { open, limit: maxConnections },
      eventLoopDelay: delay,
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

  private async askStores(count: () => Promise<void>, timeout: number) {
    const expiresAt = this.clock.now() + PROBE_LIFETIME;
    const [connections, nonces, rateLimits] = await Promise.all([
      answers(count, timeout),
      answers(() => this.nonces.use(`health:${randomUUID()}`, expiresAt), timeout),
      answers(() => this.rateLimits.take('health', PROBE, 1), timeout),
    ]);
    return { connections, nonces, rateLimits };
  }
}

/** Whether a store answers in time; what went wrong is told by the protection that needs it. */
async function answers(ask: () => MaybePromise<unknown>, timeout: number): Promise<'up' | 'down'> {
  try {
    await inTime(Promise.resolve().then(ask), timeout, 'late');
    return 'up';
  } catch {
    return 'down';
  }
}
