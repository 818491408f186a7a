import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/**
 * How a protection behaves while its store fails: it refuses everything with `UNAVAILABLE`, lets everything pass, or continues
 * with the memory of this process.
 */
export type StoreErrorPolicy = 'deny' | 'allow' | 'local';

export const STORE_ERROR_POLICIES: readonly StoreErrorPolicy[] = ['deny', 'allow', 'local'];

export interface ReplayOptions {
  /** The behaviour while the store fails. Only `deny` accepts nothing twice. @default 'deny' */
  onStoreError: StoreErrorPolicy;
  /**
   * How many nonces of ring keys and tickets the in-memory store remembers at once. When it is full, it forgets the oldest
   * and refuses events that are as old with `EVENT_EXPIRED`. @default 1_000_000
   */
  maxNonces: number;
  /**
   * How many nonces of its session key a connection remembers at once. When there are more, it forgets the older half and
   * refuses events of that connection that are as old with `EVENT_EXPIRED`. @default 1_000
   */
  maxNoncesPerConnection: number;
}

export interface RateLimitOptions {
  /** The behaviour while the store fails. @default 'local' */
  onStoreError: StoreErrorPolicy;
  /** Buckets that are not full, kept at once in each table of the in-memory store; it refuses new keys beyond. @default 1_000_000 */
  maxKeys: number;
}

export function checkReplay(options: Partial<ReplayOptions>, problems: Problems): void {
  if (!problems.unknown('replay', options, Object.keys(DEFAULTS.replay))) return;
  problems.oneOf('replay.onStoreError', options.onStoreError, STORE_ERROR_POLICIES);
  for (const name of ['maxNonces', 'maxNoncesPerConnection'] as const)
    problems.integer(`replay.${name}`, options[name], { min: 1 });
}

export function checkRateLimit(options: Partial<RateLimitOptions>, problems: Problems): void {
  if (!problems.unknown('rateLimit', options, Object.keys(DEFAULTS.rateLimit))) return;
  problems.oneOf('rateLimit.onStoreError', options.onStoreError, STORE_ERROR_POLICIES);
  problems.integer('rateLimit.maxKeys', options.maxKeys, { min: 1 });
}
