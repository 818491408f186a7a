import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/**
 * What a protection does while its store fails: refuses everything with `UNAVAILABLE`, lets everything pass, or
 * goes on with what this process remembers by itself.
 */
export type StoreErrorPolicy = 'deny' | 'allow' | 'local';

export const STORE_ERROR_POLICIES: readonly StoreErrorPolicy[] = ['deny', 'allow', 'local'];

export interface ReplayOptions {
  /** What to do while the store fails; `deny` alone accepts nothing twice. @default 'deny' */
  onStoreError: StoreErrorPolicy;
  /** Nonces remembered at once by the in-memory store; when full it refuses, never forgets. @default 1_000_000 */
  maxNonces: number;
}

export interface RateLimitOptions {
  /** What to do while the store fails. @default 'local' */
  onStoreError: StoreErrorPolicy;
  /** Buckets that are not full, kept at once by the in-memory store; new keys are refused beyond. @default 1_000_000 */
  maxKeys: number;
}

export function checkReplay(options: Partial<ReplayOptions>, problems: Problems): void {
  if (!problems.unknown('replay', options, Object.keys(DEFAULTS.replay))) return;
  problems.oneOf('replay.onStoreError', options.onStoreError, STORE_ERROR_POLICIES);
  problems.integer('replay.maxNonces', options.maxNonces, { min: 1 });
}

export function checkRateLimit(options: Partial<RateLimitOptions>, problems: Problems): void {
  if (!problems.unknown('rateLimit', options, Object.keys(DEFAULTS.rateLimit))) return;
  problems.oneOf('rateLimit.onStoreError', options.onStoreError, STORE_ERROR_POLICIES);
  problems.integer('rateLimit.maxKeys', options.maxKeys, { min: 1 });
}
