import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { SystemClock } from '../clock.js';
import { BlockedKeys } from './blocked-keys.js';
import { promptSettings } from './connection-ends.js';
import { RedisConnectionStore } from './redis-connection-store.js';
import { RedisEpoch } from './redis-epoch.js';
import { RedisEventLog } from './redis-event-log.js';
import type { RedisHealth } from './redis-health.js';
import { RedisKeys } from './redis-keys.js';
import { RedisLink } from './redis-link.js';
import { RedisNonceStore } from './redis-nonce-store.js';
import { checkRedisOptions, REDIS_DEFAULTS, type RedisStoresOptions } from './redis-options.js';
import { RedisRateLimitStore } from './redis-rate-limit-store.js';
import { RedisRevocationBus } from './redis-revocation-bus.js';
import { ScriptBatch } from './script-batch.js';

/** Every store on Redis, for `SemanticEventsModule.forRoot({ stores: redisStores({ url }) })`. */
export interface RedisStores {
  readonly nonceStore: RedisNonceStore;
  readonly rateLimitStore: RedisRateLimitStore;
  readonly connectionStore: RedisConnectionStore;
  readonly revocationBus: RedisRevocationBus;
  readonly eventLog: RedisEventLog;
  /** Whether Redis answers, and since when it does or does not. */
  health(): RedisHealth;
  /** Resolves once nonces can be used and log-outs are known, or Redis has turned out to be away. */
  ready(): Promise<void>;
  /** Gives back the places of this node's connections, and closes the connection to Redis if it was made here. */
  close(): Promise<void>;
}

/** How often, at most, Redis is asked whether it still has its memory, in milliseconds. */
const MIN_WATCH_INTERVAL = 50;
/** The longest pause between attempts to reach Redis again, well below `settleTime`, in milliseconds. */
const MAX_RETRY_DELAY = 200;

/**
 * Has all protections hold across nodes, on Redis 6.2 or later, or a Valkey. All keys are in one hash slot.
 *
 * @throws SemanticEventsConfigError naming everything that is wrong with the options
 */
export function redisStores(options: RedisStoresOptions): RedisStores {
  checkRedisOptions(options);
  const tuning = withoutUndefined(options);
  const clock = options.clock ?? new SystemClock();
  const keys = new RedisKeys(tuning.prefix);
  const client = options.client ?? connect(options.url ?? '', tuning.commandTimeout);
  const isOwned = options.client === undefined;
  const { commandTimeout } = tuning;
  const link = new RedisLink(client, { commandTimeout, probeKey: keys.probe, isOwned }, clock);
  const batch = new ScriptBatch(link);

  const blocked = new BlockedKeys(tuning.maxBlockedKeys);
  const rateLimitStore = new RedisRateLimitStore(batch, keys, blocked, clock);
  const epoch = new RedisEpoch(batch, keys, clock, tuning.settleTime);
  const nonceStore = new RedisNonceStore(batch, keys, epoch, rateLimitStore, clock, tuning);
  const node = randomUUID();
  const lease = { node, lease: tuning.lease };
  const connectionStore = new RedisConnectionStore(batch, keys, lease);
  const revocationBus = new RedisRevocationBus(link, batch, keys, node, epoch, clock);

  const logOptions = { node, commandTimeout, maxEvents: tuning.maxEvents };
  const eventLog = new RedisEventLog(link, batch, keys, clock, logOptions);

  link.onUp(() => {
    // Either is tried again when it is needed.
    epoch.enrol().catch(() => undefined);
    connectionStore.renew().catch(() => undefined);
  });

  // A node without events finds out, too, that Redis has lost its memory: well within the time to settle. So does one
  // whose connection outlives a fail-over, as it does behind a proxy.
  const watch = setInterval(
    () => {
      if (link.health.status === 'up') epoch.enrol().catch(() => undefined);
    },
    Math.max(MIN_WATCH_INTERVAL, tuning.settleTime / 3),
  ).unref();

  let closing: Promise<void> | undefined;
  return {
    nonceStore,
    rateLimitStore,
    connectionStore,
    revocationBus,
    eventLog,
    health: () => link.health,
    ready: async () => {
      await Promise.allSettled([epoch.enrol(), revocationBus.catchUp()]);
    },
    close: () => {
      clearInterval(watch);
      revocationBus.close();
      return (closing ??= Promise.allSettled([eventLog.close(), connectionStore.close()]).then(() =>
        link.close(),
      ));
    },
  };
}

function connect(url: string, commandTimeout: number): Redis {
  return new Redis(url, {
    ...promptSettings(commandTimeout),
    enableOfflineQueue: false,
    retryStrategy: attempts => Math.min(attempts * 50, MAX_RETRY_DELAY),
    // After a failover the old primary can only be read.
    reconnectOnError: error => error.message.startsWith('READONLY'),
  });
}

function withoutUndefined(options: RedisStoresOptions): typeof REDIS_DEFAULTS {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...REDIS_DEFAULTS, ...Object.fromEntries(given) };
}
