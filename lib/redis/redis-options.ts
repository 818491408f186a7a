import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { Clock } from '../clock.js';
import { MAX_DELAY, Problems } from '../options/index.js';

/** An ioredis client of one server or of a cluster. */
export type RedisClient = Redis | Cluster;

/** Whether a client is a cluster. `instanceof` fails if the application uses another copy of ioredis. */
export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

/** Returns the number of the database that a client uses. A cluster has database 0 only. */
export function databaseOf(client: RedisClient): number {
  return isCluster(client) ? 0 : (client.options.db ?? 0);
}

/** The Redis to use. Set either `url` or `client`. */
export interface RedisTarget {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://…` for TLS. */
  url?: string;
  /** A client of the application. The library never closes it, but replaces a connection that does not answer. */
  client?: RedisClient;
}

/** Settings of the stores on Redis. Times are in milliseconds. */
export interface RedisTuning {
  /** The prefix of all keys, for applications that share a Redis. It must not contain braces. @default 'semantic-events:' */
  prefix: string;
  /** The time after which Redis counts as down if it does not answer. @default 1_000 */
  commandTimeout: number;
  /** The time after which the connections of a crashed node no longer count. @default 15_000 */
  lease: number;
  /**
   * The maximum difference between the clocks of two nodes. A node with a larger difference rejects ring-key events and
   * tickets, and its health is down. Redis keeps a nonce this much longer than its event lives. After Redis has lost its
   * memory, nodes reject ring-key events that were made up to this long after they detected the loss. @default 1_000
   */
  clockDrift: number;
  /**
   * The maximum number of keys without tokens that a node rejects without calling Redis. It also limits the number of keys
   * with leased tokens.
   * @default 10_000
   */
  maxBlockedKeys: number;
  /**
   * The approximate number of stored events of the mesh, from which clients and nodes resume. New events replace the oldest
   * ones. @default 10_000
   */
  maxEvents: number;
  /** The maximum bytes of stored public events, and separately of addressed events. @default 16_777_216 */
  maxHistorySize: number;
  /** The maximum number of stored events for one user, session, connection or room. @default 1_000 */
  maxEventsPerAudience: number;
  /** The maximum bytes of stored events for one user, session, connection or room. @default 262_144 */
  maxHistorySizePerAudience: number;
}

export interface RedisStoresOptions extends RedisTarget, Partial<RedisTuning> {
  /** The clock for the age of nonces. @default the system's clock */
  clock?: Clock;
}

export const REDIS_DEFAULTS: Readonly<RedisTuning> = Object.freeze({
  prefix: 'semantic-events:',
  commandTimeout: 1_000,
  lease: 15_000,
  clockDrift: 1_000,
  maxBlockedKeys: 10_000,
  maxEvents: 10_000,
  maxHistorySize: 16_777_216,
  maxEventsPerAudience: 1_000,
  maxHistorySizePerAudience: 262_144,
});

type OptionsOfEither = RedisOptions & Pick<ClusterOptions, 'redisOptions'>;

const SCHEMES = ['redis:', 'rediss:'];
/** The path of a URL. For another path, ioredis causes an unhandled rejection, which ends the process. */
const DATABASE = /^(?:\/\d*)?$/;

const MINIMA = [
  ['commandTimeout', 1],
  ['lease', 100],
  ['clockDrift', 0],
  ['maxBlockedKeys', 1],
  ['maxEvents', 1],
  ['maxHistorySize', 1],
  ['maxEventsPerAudience', 1],
  ['maxHistorySizePerAudience', 1],
] as const;

/** The range of each setting outside of which it harms all clients. */
const USUAL: readonly (readonly [name: keyof RedisTuning, min: number, max: number])[] = [
  // A slow command is not an outage, and an outage must not delay every event.
  ['commandTimeout', 50, 10_000],
  // A pause of a node must not free the places of its connections, and those of a crashed node must become free.
  ['lease', 5_000, 300_000],
  ['clockDrift', 20, 60_000],
  ['maxBlockedKeys', 100, 10_000_000],
  ['maxEvents', 100, 10_000_000],
  ['maxHistorySize', 65_536, 1_073_741_824],
];

/** Returns the settings that are too small or too large for a server on the internet, each with its usual range. */
export function unusualSettings(tuning: RedisTuning): string[] {
  const { maxEvents, maxHistorySize } = tuning;
  // Otherwise one user or room replaces the events of all others.
  const shares = [
    ['maxEventsPerAudience', 1, maxEvents / 2],
    ['maxHistorySizePerAudience', 1, maxHistorySize / 2],
  ] as const;
  return [...USUAL, ...shares]
    .filter(([name, min, max]) => (tuning[name] as number) < min || (tuning[name] as number) > max)
    .map(([name, min, max]) => `redisStores.${name} (${min} to ${Math.floor(max)})`);
}

/** @throws SemanticEventsConfigError naming every problem at once */
export function checkRedisOptions(options: RedisStoresOptions): void {
  const problems = new Problems();
  const known = ['url', 'client', 'clock', ...Object.keys(REDIS_DEFAULTS)];
  if (problems.unknown('redisStores', options, known)) {
    checkTarget(options, problems);
    checkTuning(options, problems);
  }
  problems.throwIfAny();
}

function checkTarget({ url, client }: RedisTarget, problems: Problems): void {
  if ((url === undefined) === (client === undefined))
    problems.add('redisStores', 'needs either a url or a client');
  // The message must not repeat the URL, which may contain a password.
  if (url !== undefined && !SCHEMES.includes(schemeOf(url)))
    problems.add('redisStores.url', 'must be a URL such as redis://localhost:6379');
  else if (url !== undefined && !DATABASE.test(new URL(url).pathname))
    problems.add(
      'redisStores.url',
      'must end with the number of a database, such as /1, or nothing',
    );
  if (client !== undefined && !isClient(client))
    problems.add('redisStores.client', 'must be a Redis or Cluster of ioredis');
  const { stringNumbers, redisOptions } = (client?.options ?? {}) as OptionsOfEither;
  if (stringNumbers ?? redisOptions?.stringNumbers)
    problems.add('redisStores.client', 'must not have stringNumbers');
}

function checkTuning(options: RedisStoresOptions, problems: Problems): void {
  const { prefix, clock } = options;
  if (prefix !== undefined && (typeof prefix !== 'string' || /[{}]/.test(prefix)))
    problems.add('redisStores.prefix', 'must be a string without braces');
  if (clock !== undefined && !(clock instanceof Clock))
    problems.add('redisStores.clock', 'must be a Clock');
  for (const [name, min] of MINIMA)
    problems.integer(`redisStores.${name}`, options[name], { min, max: MAX_DELAY });
}

function schemeOf(url: unknown): string {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).protocol : '';
}

function isClient(client: unknown): boolean {
  const { pipeline, status } = (client ?? {}) as Partial<RedisClient>;
  return typeof pipeline === 'function' && typeof status === 'string';
}
