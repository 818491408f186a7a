import { Injectable } from '@nestjs/common';
import { RateLimiter } from './rate-limiter.js';

/**
 * A `ThrottlerStorageRecord` of @nestjs/throttler. Its types are not imported, because most applications lack the package.
 */
export interface ThrottlerRecord {
  readonly totalHits: number;
  /** Seconds. */
  readonly timeToExpire: number;
  readonly isBlocked: boolean;
  /** Seconds. */
  readonly timeToBlockExpire: number;
}

/**
 * A storage for @nestjs/throttler that uses the rate limits of this library, so that HTTP and WebSocket share one store.
 * `limit` requests per `ttl` become a token bucket with `limit` tokens that fills in `ttl`. A rejected client may continue
 * when one token is available, whatever the block duration is.
 */
@Injectable()
export class SemanticEventsThrottlerStorage {
  constructor(private readonly limiter: RateLimiter) {}

  /** @param ttl the time in which an empty bucket fills, in milliseconds */
  async increment(
    key: string,
    ttl: number,
    limit: number,
    _blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerRecord> {
    const burst = Math.floor(limit);
    if (burst < 1) return blocked(1, ttl, ttl);
    const { allowed, remaining, retryAfter, resetAfter } = await this.limiter.take(
      { table: 'http', key: `${throttlerName}:${key}` },
      { rate: burst, per: ttl, burst },
    );
    if (!allowed) return blocked(burst + 1, resetAfter, retryAfter);
    return {
      totalHits: burst - remaining,
      timeToExpire: inSeconds(resetAfter),
      isBlocked: false,
      timeToBlockExpire: 0,
    };
  }
}

function blocked(totalHits: number, resetAfter: number, retryAfter: number): ThrottlerRecord {
  return {
    totalHits,
    timeToExpire: inSeconds(resetAfter),
    isBlocked: true,
    timeToBlockExpire: inSeconds(retryAfter),
  };
}

/** Rounds up: a client that waits exactly this long must not be too early. */
function inSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}
