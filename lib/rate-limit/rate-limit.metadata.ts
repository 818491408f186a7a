import type { ExecutionContext } from '@nestjs/common';
import type { Client } from '../connection/index.js';
import type { TokenBucketOptions } from './token-bucket.js';

export const RATE_LIMIT = Symbol('RATE_LIMIT');
export const SKIP_RATE_LIMIT = Symbol('SKIP_RATE_LIMIT');

/** Who shares a bucket: one connection, one user, one address, or whatever a function names. */
export type RateLimitBy =
  'client' | 'user' | 'address' | ((client: Client, context: ExecutionContext) => string);

export interface RateLimitDecoratorOptions extends TokenBucketOptions {
  /** Who shares a bucket; an unauthenticated client counts by its address. @default 'user' */
  by?: RateLimitBy;
  /** Tokens an event takes. @default 1 */
  cost?: number;
}
