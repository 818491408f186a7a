import type { ChainableCommander, Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { inTime } from '../maybe-promise.js';
import { contained, errorText } from '../monitoring/index.js';
import { ClusterServers } from './cluster-servers.js';
import { closeConnection } from './connection-ends.js';
import { Deferred } from './deferred.js';
import { type RedisHealth, RedisHealthMonitor } from './redis-health.js';
import { databaseOf, isCluster, type RedisClient } from './redis-options.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { isFull, isReadOnly } from './reply-errors.js';
import { SentinelWatch } from './sentinel-watch.js';

/** A pipeline or a client that runs scripts. */
type Commands = Pick<ChainableCommander, 'eval' | 'evalsha'> | Pick<Redis, 'eval' | 'evalsha'>;

export type RedisReply = [error: Error | null, result: unknown];

export interface RedisLinkOptions {
  /** Milliseconds. */
  readonly commandTimeout: number;
  /** The key that a probe writes. */
  readonly probeKey: string;
  /** Whether the library created the client, and so must close it. */
  readonly isOwned: boolean;
}

const PROBE_LUA = "return redis.call('SET', KEYS[1], 1, 'PX', 1000)";
/** The interval between probes while Redis is down, in milliseconds. */
const PROBE_INTERVAL = 100;

/**
 * The connection to Redis. After a failure it sends only probes, one at a time, until Redis answers. A Redis that hangs would
 * otherwise execute queued commands after their callers have given up.
 */
export class RedisLink {
  private readonly monitor: RedisHealthMonitor;
  private readonly upListeners: (() => void)[] = [];
  private state: 'connecting' | 'up' | 'down' | 'closed' = 'connecting';
  private readonly connected = new Deferred<undefined>();
  private prober: NodeJS.Timeout | undefined;
  private probeSentAt: number | undefined;
  private unreadySince: number | undefined;
  private replacedAt = -Infinity;
  private connections = 0;
  private watch: SentinelWatch | undefined;
  private readonly servers: ClusterServers | undefined;

  constructor(
    readonly client: RedisClient,
    private readonly options: RedisLinkOptions,
    private readonly clock: Clock,
  ) {
    this.monitor = new RedisHealthMonitor(clock);
    client.on('ready', this.onReady);
    client.on('close', this.onClose);
    client.on('end', this.onClose);
    // ioredis prints errors without a listener. The application handles the errors of its own client.
    if (options.isOwned) client.on('error', this.onError);
    if (isCluster(client)) {
      this.servers = new ClusterServers(client);
      for (const node of client.nodes()) this.onNode(node);
      client.on('+node', this.onNode);
    }
    if (client.status === 'ready') this.onReady();
  }

  /**
   * The number of lost connections. After it changes, earlier knowledge about Redis may be wrong: the new connection can lead
   * to a restarted or different server.
   */
  get generation(): number {
    return this.connections;
  }

  get health(): RedisHealth {
    return this.monitor.state;
  }

  /** Calls a function when Redis is first reached, and after each outage. */
  onUp(listener: () => void): void {
    this.upListeners.push(listener);
    if (this.state === 'up') listener();
  }

  /** Connects, if the client has not connected yet. Importing a configuration alone must not connect. */
  open(): void {
    if (this.state !== 'closed')
      this.watch ??= SentinelWatch.of(this.client, this.options.commandTimeout);
    if (this.client.status === 'wait') this.client.connect().catch(() => undefined);
  }

  /**
   * Sends commands that may belong to different hash slots. Without a cluster they are sent in one write.
   *
   * @param send sends the commands, one for each reply
   * @throws the same errors as `exchange`
   */
  async exchangeEach(send: (commands: Commands) => unknown[]): Promise<RedisReply[]> {
    const { client } = this;
    if (!isCluster(client))
      return this.exchange(pipeline => {
        send(pipeline);
      });
    await this.usable();
    const replies = inOneWrite(client.nodes('master'), () => send(client));
    return this.inTime(
      Promise.all(
        (replies as Promise<unknown>[]).map(reply =>
          reply.then(
            (result): RedisReply => [null, result],
            (error: unknown): RedisReply => [error as Error, undefined],
          ),
        ),
      ),
    );
  }

  /**
   * Sends commands of one hash slot in one write.
   *
   * @returns the reply to each command
   * @throws RedisUnavailableError if the replies do not arrive in time; Redis may execute the commands nevertheless
   */
  async exchange(fill: (pipeline: ChainableCommander) => void): Promise<RedisReply[]> {
    await this.usable();
    const pipeline = this.client.pipeline();
    fill(pipeline);
    const replies = await this.inTime(pipeline.exec());
    return replies ?? [];
  }

  /** Replaces a connection after an unexpected reply: its replies may belong to other commands. */
  unexpectedReply(): RedisUnavailableError {
    const error = new RedisUnavailableError('a reply does not match its command');
    this.fail(error);
    this.client.disconnect(true);
    return error;
  }

  private async usable(): Promise<void> {
    if (this.state === 'connecting') {
      this.open();
      await this.inTime(this.connected.promise);
    }
    if (this.client.status !== 'ready') this.fail(new Error('the connection is not ready'));
    if (this.state !== 'up') throw new RedisUnavailableError('it is down');
  }

  /** Sets the state to down, and starts to probe. */
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
    this.client.off('+node', this.onNode);
    if (isCluster(this.client))
      for (const node of this.client.nodes()) node.off('close', this.onNodeClose);
    await this.watch?.close();
    if (this.options.isOwned) await closeConnection(this.client);
  }

  private async inTime<T>(promise: Promise<T>): Promise<T> {
    const { commandTimeout } = this.options;
    try {
      return await inTime(promise, commandTimeout, `no answer within ${commandTimeout} ms`);
    } catch (error) {
      this.fail(error as Error);
      throw new RedisUnavailableError(errorText(error, 'message'), error);
    }
  }

  private readonly onReady = contained(() => {
    if (this.state === 'connecting' && databaseOf(this.client) === 0) this.recover();
    else this.probe();
  });

  private readonly onClose = contained(() => {
    this.connections++;
    this.probeSentAt = undefined;
    if (this.state === 'up') this.fail(new Error('the connection is closed'));
  });

  /** Counts a lost connection to one node of a cluster. The other nodes stay usable. */
  private readonly onNodeClose = contained(() => {
    this.connections++;
  });

  private readonly onNode = contained((node: Redis) => {
    this.servers?.add(node);
    node.on('close', this.onNodeClose);
  });

  private readonly onError = contained((error: Error) => {
    if (this.state === 'connecting') this.monitor.down(error);
  });

  /** Probes Redis by a script that writes. A read-only replica, or a Redis without scripts, cannot be used. */
  private readonly probe = contained(() => {
    if (this.state !== 'down' && this.state !== 'connecting') return;
    const now = this.clock.monotonic();
    if (this.client.status !== 'ready') {
      this.replaceStuck(now);
      return;
    }
    this.unreadySince = undefined;
    if (this.probeSentAt !== undefined) {
      // The connection may be dead: replace it. Redis itself may hang instead, so do not reconnect too often.
      if (now - this.probeSentAt < 2 * this.options.commandTimeout) return;
      this.client.disconnect(true);
    }
    this.probeSentAt = now;
    this.sendProbe().then(
      contained(() => {
        this.probeSentAt = undefined;
        this.recover();
      }),
      contained((error: unknown) => {
        this.probeSentAt = undefined;
        if (isFull(error)) {
          this.recover();
          return;
        }
        if (this.state === 'connecting') this.fail(error as Error);
        if (isReadOnly(error)) this.replaceReadOnly(now);
      }),
    );
  });

  /** If ioredis cannot select the database, it stays in database 0 without an error, so select it again. */
  private async sendProbe(): Promise<void> {
    const { client } = this;
    const database = databaseOf(client);
    if (!isCluster(client) && database > 0) await client.select(database);
    await client.eval(PROBE_LUA, 1, this.options.probeKey);
  }

  /** Replaces a connection that was opened but does not become ready. */
  private replaceStuck(now: number): void {
    if (this.client.status !== 'connect') {
      this.unreadySince = undefined;
      return;
    }
    this.unreadySince ??= now;
    if (now - this.unreadySince < 2 * this.options.commandTimeout) return;
    this.unreadySince = undefined;
    this.client.disconnect(true);
  }

  /** Connects anew: after a fail-over this may be the former primary. */
  private replaceReadOnly(now: number): void {
    if (now - this.replacedAt < this.options.commandTimeout) return;
    this.replacedAt = now;
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

/** Sends the commands for each server of a cluster in one write. A write for each command costs Redis three times as much. */
function inOneWrite<T>(nodes: readonly Redis[], send: () => T): T {
  // A server to which there is no connection has no stream.
  const streams = nodes.flatMap(({ stream }: { stream?: Redis['stream'] }) => stream ?? []);
  for (const stream of streams) stream.cork();
  try {
    return send();
  } finally {
    for (const stream of streams) stream.uncork();
  }
}
