import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { Clock } from '../clock.js';
import { MAX_DELAY, Problems } from '../options/index.js';

/** A client of ioredis, of one server or of a cluster. */
export type RedisClient = Redis | Cluster;

/** Where Redis is: give one of both. */
export interface RedisTarget {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://…` for TLS. */
  url?: string;
  /** A client of the application, which is used as it is, and never closed. */
  client?: RedisClient;
}

/** Times are milliseconds. */
export interface RedisTuning {
  /** What all keys start with, for applications that share a Redis. No braces. @default 'semantic-events:' */
  prefix: string;
  /** How long Redis may take to answer before it counts as down. @default 1_000 */
  commandTimeout: number;
  /** After how long without a sign of life the connections of a node no longer count. @default 15_000 */
  lease: number;
  /**
   * How far apart the clocks of two nodes may be. A nonce is remembered that much longer than its event lives,
   * so that a node whose clock is behind does not accept it again. @default 5_000
   */
  clockDrift: number;
  /**
   * When Redis has lost its memory, or is new, how long all nodes have to bring back the nonces they have seen.
   * Until then none is used: signed events are refused with `UNAVAILABLE`. It is also how far ahead of its time an
   * event may be dated and still be known to have been made before, where the node is away that has seen it: with
   * `signing.clockSkew` no larger than this, none is accepted twice. @default 1_000
   */
  settleTime: number;
  /** How many nonces a node remembers by itself; the oldest are given up for newer ones. @default 1_000_000 */
  maxRememberedNonces: number;
  /** How many keys known to be out of tokens are refused without asking Redis. @default 10_000 */
  maxBlockedKeys: number;
  /**
   * How many events of the mesh are kept, about, for clients and nodes that come back; the oldest are given up for newer
   * ones. @default 10_000
   */
  maxEvents: number;
}

export interface RedisStoresOptions extends RedisTarget, Partial<RedisTuning> {
  /** Where the time of nonces comes from. @default the system's clock */
  clock?: Clock;
}

export const REDIS_DEFAULTS: Readonly<RedisTuning> = Object.freeze({
  prefix: 'semantic-events:',
  commandTimeout: 1_000,
  lease: 15_000,
  clockDrift: 5_000,
  settleTime: 1_000,
  maxRememberedNonces: 1_000_000,
  maxBlockedKeys: 10_000,
  maxEvents: 10_000,
});

type OptionsOfEither = RedisOptions & Pick<ClusterOptions, 'redisOptions'>;

const SCHEMES = ['redis:', 'rediss:'];

const MINIMA = [
  ['commandTimeout', 1],
  ['lease', 100],
  ['clockDrift', 0],
  ['settleTime', 1],
  ['maxRememberedNonces', 1],
  ['maxBlockedKeys', 1],
  ['maxEvents', 1],
] as const;

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
  // The URL itself is not repeated: it may hold a password.
  if (url !== undefined && !SCHEMES.includes(schemeOf(url)))
    problems.add('redisStores.url', 'must be a URL such as redis://localhost:6379');
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
