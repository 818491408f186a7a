import type { Cluster, ClusterOptions, Redis } from 'ioredis';
import { inTime } from '../maybe-promise.js';
import { contained, errorText } from '../monitoring/index.js';
import { promptSettings } from './connection-ends.js';
import { isCluster, type RedisClient } from './redis-options.js';

interface Server {
  readonly host: string;
  readonly port: number;
}

/** Callbacks and settings of a connection that receives messages. */
export interface SubscriberEvents {
  /** How long Redis may take to answer, in milliseconds. */
  readonly commandTimeout: number;
  message(channel: string, text: string): void;
  /** Called once when the connection is lost. */
  closed(error: Error): void;
}

const LATE = 'no answer in time';
/** The maximum number of channels in one subscribe command. */
const AT_ONCE = 256;
/** The maximum number of redirections to the server of a hash slot. */
const MAX_REDIRECTIONS = 5;

/**
 * A connection to the server of a hash slot that receives the messages of channels in that slot. It uses sharded channels if
 * the server supports them (Redis 7 and later, Valkey). It does not reconnect by itself.
 */
export class SubscriberConnection {
  private constructor(
    readonly redis: Redis,
    private readonly isSharded: boolean,
    private readonly commandTimeout: number,
  ) {}

  /**
   * Opens a connection.
   *
   * @param isOfCluster whether the channel may belong to another server
   * @throws the error of Redis if it cannot subscribe
   */
  static async open(
    redis: Redis,
    channel: string,
    events: SubscriberEvents,
    isOfCluster: boolean,
  ): Promise<SubscriberConnection> {
    // ioredis prints errors without a listener.
    redis.on('error', () => undefined);
    const received = contained((name: string, text: string) => {
      events.message(name, text);
    });
    redis.on('message', received);
    redis.on('smessage', received);
    const ended = contained(() => {
      events.closed(new Error('the connection is closed'));
    });
    redis.once('end', ended);
    await inTime(redis.connect(), 2 * events.commandTimeout, LATE);
    // Redirects like a subscription. ioredis 5 never settles a subscription that is redirected.
    if (isOfCluster) await inTime(redis.exists(channel), events.commandTimeout, LATE);
    let isSharded = true;
    try {
      await inTime(redis.ssubscribe(channel), events.commandTimeout, LATE);
    } catch (error) {
      if (!isUnknownCommand(error)) throw error;
      isSharded = false;
      await inTime(redis.subscribe(channel), events.commandTimeout, LATE);
    }
    return new SubscriberConnection(redis, isSharded, events.commandTimeout);
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    for (let at = 0; at < channels.length; at += AT_ONCE) {
      const some = channels.slice(at, at + AT_ONCE);
      const done = this.isSharded ? this.redis.ssubscribe(...some) : this.redis.subscribe(...some);
      await inTime(done, this.commandTimeout, LATE);
    }
  }

  unsubscribe(channel: string): void {
    const done = this.isSharded
      ? this.redis.sunsubscribe(channel)
      : this.redis.unsubscribe(channel);
    // A lost connection needs no unsubscribe.
    done.catch(() => undefined);
  }
}

/** Connects to the server that holds the slot of a channel, and subscribes to it. */
export async function subscriberConnection(
  client: RedisClient,
  channel: string,
  events: SubscriberEvents,
): Promise<SubscriberConnection> {
  let target: Server | undefined;
  for (let hop = 0; ; hop++) {
    const redis = duplicate(client, target, events.commandTimeout);
    try {
      return await SubscriberConnection.open(redis, channel, events, isCluster(client));
    } catch (error) {
      redis.removeAllListeners('end');
      redis.disconnect();
      target = movedTo(error, client);
      if (!target || hop >= MAX_REDIRECTIONS) throw error;
    }
  }
}

function duplicate(client: RedisClient, target: Server | undefined, commandTimeout: number): Redis {
  const node = isCluster(client) ? reachableMaster(client) : client;
  if (!node) throw new Error('no server of the cluster is known');
  return node.duplicate({
    ...promptSettings(commandTimeout),
    ...target,
    keyPrefix: undefined,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: () => null,
    readOnly: false,
    // Timeouts of the application's client would close a connection that only receives.
    commandTimeout: undefined,
    blockingTimeout: undefined,
    socketTimeout: undefined,
  });
}

/** Returns a master that redirects to the others, if one is connected. */
function reachableMaster(client: Cluster): Redis | undefined {
  const masters = client.nodes('master');
  return masters.find(({ status }) => status === 'ready') ?? masters[0];
}

/** Returns the server that a redirection names, at the address at which this client reaches it. */
function movedTo(error: unknown, client: RedisClient): Server | undefined {
  const match = /^MOVED \d+ (.*):(\d+)$/.exec(errorText(error, 'message'));
  if (!match?.[1]) return undefined;
  const [host, port] = [match[1], Number(match[2])];
  const { natMap } = client.options as ClusterOptions;
  const mapped =
    typeof natMap === 'function' ? natMap(`${host}:${port}`) : natMap?.[`${host}:${port}`];
  return mapped ?? { host, port };
}

function isUnknownCommand(error: unknown): boolean {
  return /unknown command/i.test(errorText(error, 'message'));
}
