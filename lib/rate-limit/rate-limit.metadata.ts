import type { ExecutionContext } from '@nestjs/common';
import type { Client } from '../connection/index.js';
import type { TokenBucketOptions } from './token-bucket.js';

export const RATE_LIMIT = Symbol('RATE_LIMIT');
export const SKIP_RATE_LIMIT = Symbol('SKIP_RATE_LIMIT');

/**
 * The clients that share a bucket: one connection, one user, one address, or the result of a function. A limit by address or
 * by a function is charged after `@SignedEvent`, `@Authorize` and `@Roles`, because several users share it.
 */
export type RateLimitBy =
  'client' | 'user' | 'address' | ((client: Client, context: ExecutionContext) => string);

export interface RateLimitDecoratorOptions extends TokenBucketOptions {
  /** The clients that share a bucket. An unauthenticated client counts by its address. @default 'user' */
  by?: RateLimitBy;
  /** The number of tokens that an event costs. @default 1 */
  cost?: number;
}

/** Returns whether several users may share the buckets of a limit. */
export function isShared({ by }: RateLimitDecoratorOptions): boolean {
  return by === 'address' || typeof by === 'function';
}

/** Returns the limit that decorates a handler, or else its gateway; `skipped` if `@SkipRateLimit()` exempts the handler. */
export function decoratedLimitOf(
  gateway: object,
  handler: object,
): RateLimitDecoratorOptions | 'skipped' | undefined {
  if (Reflect.getMetadata(SKIP_RATE_LIMIT, handler) === true) return 'skipped';
  const [limit] = [handler, gateway].flatMap(
    target => (Reflect.getMetadata(RATE_LIMIT, target) as RateLimitDecoratorOptions | null) ?? [],
  );
  return limit;
}
