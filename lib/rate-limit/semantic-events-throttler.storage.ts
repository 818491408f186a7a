import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { boundedKey } from './bucket-key.js';
import { RateLimiter } from './rate-limiter.js';

/** What @nestjs/throttler's guard wants to know; its times are whole seconds. */
type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/**
 * Storage for @nestjs/throttler on the rate limits of this library, so that HTTP and WebSocket share one
 * store. `limit` requests per `ttl` is a token bucket that holds `limit` and fills in `ttl`: who was refused
 * passes again as soon as one token has flowed in, whatever the block duration.
 */
@Injectable()
export class SemanticEventsThrottlerStorage implements ThrottlerStorage {
  constructor(private readonly limiter: RateLimiter) {}

  /** @param ttl milliseconds in which an empty bucket fills */
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
      boundedKey(`throttler:${throttlerName}:${key}`),
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

/** Rounded up: who waits exactly this long must not come too early. */
function inSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}
