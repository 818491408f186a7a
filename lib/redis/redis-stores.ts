import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { SystemClock } from '../clock.js';
import { promptSettings } from './connection-ends.js';
import { RedisConnectionStore } from './redis-connection-store.js';
import { RedisEventLog } from './redis-event-log.js';
import type { RedisHealth } from './redis-health.js';
import { RedisKeys } from './redis-keys.js';
import { RedisLink } from './redis-link.js';
import { RedisMemory, VOUCH_INTERVAL } from './redis-memory.js';
import { RedisNonceStore } from './redis-nonce-store.js';
import { NodeClocks } from './node-clocks.js';
import { PrefixOwner } from './prefix-owner.js';
import {
  checkRedisOptions,
  REDIS_DEFAULTS,
  type RedisStoresOptions,
  unusualSettings,
} from './redis-options.js';
import { RedisRateLimitStore } from './redis-rate-limit-store.js';
import { RedisRevocationBus } from './redis-revocation-bus.js';
import { RedisRoomStore } from './redis-room-store.js';
import { ScriptBatch } from './script-batch.js';
import { contained } from '../monitoring/index.js';

/** All stores on Redis, for `SemanticEventsModule.forRoot({ stores: redisStores({ url }) })`. */
export interface RedisStores {
  readonly nonceStore: RedisNonceStore;
  readonly rateLimitStore: RedisRateLimitStore;
  readonly connectionStore: RedisConnectionStore;
  readonly revocationBus: RedisRevocationBus;
  readonly eventLog: RedisEventLog;
  readonly roomStore: RedisRoomStore;
  /** The settings that are too small or too large, for the production checklist. */
  readonly unusualSettings: readonly string[];
  /** Returns whether Redis answers and the clock of this node can be trusted, and since when. */
  health(): RedisHealth;
  /** Resolves when nonces can be used and log-outs are known, or when Redis cannot be reached. */
  ready(): Promise<void>;
  /**
   * Claims the key prefix for the application whose signing keys have these fingerprints.
   *
   * @throws SemanticEventsConfigError by rejecting, if another application uses the prefix
   */
  claim(fingerprints: () => readonly string[]): Promise<void>;
  /**
   * Releases this node's connections and leased tokens. Closes the connection to Redis, unless the application passed its own
   * client.
   */
  close(): Promise<void>;
}

/** The longest pause between attempts to reconnect, in milliseconds. */
const MAX_RETRY_DELAY = 200;

/**
 * Creates stores on Redis 6.2 or later, or Valkey, so that all protections apply across nodes. A cluster distributes the keys.
 *
 * @throws SemanticEventsConfigError naming every problem with the options
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

  const { maxBlockedKeys } = tuning;
  const rateLimitStore = new RedisRateLimitStore(batch, keys, clock, maxBlockedKeys);
  const node = randomUUID();
  const { clockDrift } = tuning;
  const { isCluster } = client;
  const memory = new RedisMemory(batch, keys, clock, { clockDrift, isCluster });
  const clocks = new NodeClocks(batch, keys, clock, { node, clockDrift });
  const clockProblem = () => clocks.problem;
  const nonceStore = new RedisNonceStore(batch, keys, memory, clock, { clockDrift, clockProblem });
  const lease = { node, lease: tuning.lease };
  const connectionStore = new RedisConnectionStore(batch, keys, lease);
  const revocationBus = new RedisRevocationBus(link, batch, keys, node, clock, clocks);
  const owner = new PrefixOwner(batch, keys, tuning.prefix);
  memory.onLoss(() => {
    revocationBus.restoreLogOuts();
  });

  const roomStore = new RedisRoomStore(batch, keys, lease);
  const eventLog = new RedisEventLog(link, batch, keys.events, clock, { ...tuning, node });

  /** Ignores the failure of an attempt: a timer, or the next use, tries again. */
  const attempt = (work: Promise<unknown>) => {
    work.catch(() => undefined);
  };
  link.onUp(() => {
    attempt(memory.check());
    attempt(clocks.compare());
    attempt(connectionStore.renew());
    attempt(owner.renew());
  });
  const vouch = contained(() => {
    if (link.health.status === 'down') return;
    attempt(memory.check());
    attempt(clocks.compare());
    attempt(nonceStore.releaseUnanswered(commandTimeout));
  });
  const watch = setInterval(vouch, VOUCH_INTERVAL).unref();

  let closing: Promise<void> | undefined;
  return {
    nonceStore,
    rateLimitStore,
    connectionStore,
    revocationBus,
    eventLog,
    roomStore,
    unusualSettings: unusualSettings(tuning),
    health: () => {
      const problem = owner.problem ?? clocks.problem;
      return problem ? { ...link.health, status: 'down', reason: problem } : link.health;
    },
    ready: async () => {
      link.open();
      await Promise.allSettled([memory.ready(), clocks.compare(), revocationBus.catchUp()]);
    },
    claim: fingerprints => owner.claim(fingerprints),
    close: () => {
      clearInterval(watch);
      owner.close();
      const stores = [eventLog, roomStore, connectionStore, rateLimitStore, nonceStore];
      return (closing ??= Promise.allSettled(
        [...stores, revocationBus].map(store => store.close()),
      ).then(() => link.close()));
    },
  };
}

function connect(url: string, commandTimeout: number): Redis {
  return new Redis(url, {
    ...promptSettings(commandTimeout),
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: attempts => Math.min(attempts * 50, MAX_RETRY_DELAY),
    // After a fail-over the former primary is read-only.
    reconnectOnError: error => error.message.startsWith('READONLY'),
  });
}

function withoutUndefined(options: RedisStoresOptions): typeof REDIS_DEFAULTS {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...REDIS_DEFAULTS, ...Object.fromEntries(given) };
}
