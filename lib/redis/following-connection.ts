import type { Cluster, Redis } from 'ioredis';
import { promptSettings } from './connection-ends.js';
import type { RedisClient } from './redis-options.js';

/**
 * A connection for a command that waits for something to happen, to where another client is connected. It is made by
 * `connect()`, does nothing by itself when it is lost, and answers no later than it is waited for.
 */
export function followingConnection(client: RedisClient, commandTimeout: number): RedisClient {
  const connection = isCluster(client)
    ? client.duplicate([], {
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: () => null,
        redisOptions: settings(commandTimeout),
      })
    : client.duplicate({
        lazyConnect: true,
        enableOfflineQueue: false,
        retryStrategy: () => null,
        ...settings(commandTimeout),
      });
  // Whoever waits for an answer hears of it; ioredis prints errors nobody listens to.
  connection.on('error', () => undefined);
  return connection;
}

function settings(commandTimeout: number) {
  return {
    ...promptSettings(commandTimeout),
    // Limits of the application's client would cut the waiting short.
    commandTimeout: undefined,
    blockingTimeout: undefined,
    socketTimeout: undefined,
  };
}

/** A client may come from another copy of ioredis than ours. */
function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}
