import type { ChainableCommander } from 'ioredis';
import type { Clock } from '../clock.js';
import { inTime } from '../maybe-promise.js';
import { letGo } from './connection-ends.js';
import { Deferred } from './deferred.js';
import { type RedisHealth, RedisHealthMonitor } from './redis-health.js';
import type { RedisClient } from './redis-options.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { isFull } from './reply-errors.js';

export type RedisReply = [error: Error | null, result: unknown];

export interface RedisLinkOptions {
  /** Milliseconds. */
  readonly commandTimeout: number;
  /** A key that may be written to see whether Redis can be. */
  readonly probeKey: string;
  /** Whether the client is ours: replaced connections and closing are up to us. */
  readonly isOwned: boolean;
}

const PROBE_LUA = "return redis.call('SET', KEYS[1], 1, 'PX', 1000)";
/** How often a Redis that is down is looked at, in milliseconds. */
const PROBE_INTERVAL = 100;

/**
 * The way to Redis. Once it has failed, nothing is sent but one probe at a time until that is answered: commands
 * piled up for a Redis that hangs would all be carried out when nobody waits for them any more.
 */
export class RedisLink {
  private readonly monitor: RedisHealthMonitor;
  private readonly upListeners: (() => void)[] = [];
  private state: 'connecting' | 'up' | 'down' | 'closed' = 'connecting';
  private readonly connected = new Deferred<undefined>();
  private prober: NodeJS.Timeout | undefined;
  private probeSentAt: number | undefined;
  private unreadySince: number | undefined;

  constructor(
    readonly client: RedisClient,
    private readonly options: RedisLinkOptions,
    private readonly clock: Clock,
  ) {
    this.monitor = new RedisHealthMonitor(clock);
    client.on('ready', this.onReady);
    client.on('close', this.onClose);
    client.on('end', this.onClose);
    // ioredis prints errors nobody listens to; those of the application's client are its own business.
    if (options.isOwned) client.on('error', this.onError);
    if (client.status === 'wait') client.connect().catch(() => undefined);
    if (client.status === 'ready') this.onReady();
  }

  get health(): RedisHealth {
    return this.monitor.state;
  }

  /** Has somebody called whenever Redis can be reached: at first, and after each outage. */
  onUp(listener: () => void): void {
    this.upListeners.push(listener);
    if (this.state === 'up') listener();
  }

  /**
   * Sends commands in one go.
   *
   * @returns the reply to each
   * @throws RedisUnavailableError when they are not answered in time; they may be carried out all the same
   */
  async exchange(fill: (pipeline: ChainableCommander) => void): Promise<RedisReply[]> {
    if (this.state === 'connecting') await this.inTime(this.connected.promise);
    if (this.client.status !== 'ready') this.fail(new Error('the connection is not ready'));
    if (this.state !== 'up') throw new RedisUnavailableError('it is down');
    const pipeline = this.client.pipeline();
    fill(pipeline);
    const replies = await this.inTime(pipeline.exec());
    return replies ?? [];
  }

  /** Notes that Redis does not do its work, whoever found out. */
  fail(error: Error): void {
    if (this.state === 'closed') return;
    this.state = 'down';
    this.monitor.down(error);
    this.prober ??= setInterval(this.probe, PROBE_INTERVAL).unref();
  }

  async close(): Promise<void> {
    this.state = 'closed';
    clearInterval(this.prober);
    this.client.off('ready', this.onReady);
    this.client.off('close', this.onClose);
    this.client.off('end', this.onClose);
    if (this.options.isOwned) await letGo(this.client);
  }

  private async inTime<T>(promise: Promise<T>): Promise<T> {
    const { commandTimeout } = this.options;
    try {
      return await inTime(promise, commandTimeout, `no answer within ${commandTimeout} ms`);
    } catch (error) {
      this.fail(error as Error);
      throw new RedisUnavailableError((error as Error).message, error);
    }
  }

  private readonly onReady = (): void => {
    if (this.state === 'connecting') this.recover();
    else this.probe();
  };

  private readonly onClose = (): void => {
    this.probeSentAt = undefined;
    if (this.state === 'up') this.fail(new Error('the connection is closed'));
  };

  private readonly onError = (error: Error): void => {
    if (this.state === 'connecting') this.monitor.down(error);
  };

  /** Writes, in a script: a Redis that can only be read, such as a replica, or runs no scripts is of no use. */
  private readonly probe = (): void => {
    if (this.state !== 'down') return;
    const now = this.clock.monotonic();
    if (this.client.status !== 'ready') {
      this.replaceStuck(now);
      return;
    }
    this.unreadySince = undefined;
    if (this.probeSentAt !== undefined) {
      // A connection that may be dead is replaced. What hangs is Redis, though, as often as not: take it easy.
      if (now - this.probeSentAt < 2 * this.options.commandTimeout) return;
      if (this.options.isOwned) this.client.disconnect(true);
    }
    this.probeSentAt = now;
    this.client.eval(PROBE_LUA, 1, this.options.probeKey).then(
      () => {
        this.probeSentAt = undefined;
        this.recover();
      },
      (error: unknown) => {
        this.probeSentAt = undefined;
        if (isFull(error)) this.recover();
      },
    );
  };

  /** A connection that was made but never becomes ready is as dead as one that does not answer. */
  private replaceStuck(now: number): void {
    if (!this.options.isOwned || this.client.status !== 'connect') {
      this.unreadySince = undefined;
      return;
    }
    this.unreadySince ??= now;
    if (now - this.unreadySince < 2 * this.options.commandTimeout) return;
    this.unreadySince = undefined;
    this.client.disconnect(true);
  }

  private recover(): void {
    if (this.state === 'closed') return;
    clearInterval(this.prober);
    this.prober = undefined;
    this.state = 'up';
    this.monitor.up();
    this.connected.resolve(undefined);
    for (const listener of this.upListeners) listener();
  }
}
