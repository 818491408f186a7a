import { GUARDS_METADATA } from '@nestjs/common/internal';
import { SubscribeMessage } from '@nestjs/websockets';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import {
  RateLimit,
  type RateLimitDecoratorOptions,
  RateLimitGuard,
  SharedRateLimitGuard,
  SkipRateLimit,
} from '../../../lib/rate-limit/index.js';
import { RATE_LIMIT, SKIP_RATE_LIMIT } from '../../../lib/rate-limit/rate-limit.metadata.js';

const problemsOf = (options: unknown): readonly string[] => {
  try {
    RateLimit(options as RateLimitDecoratorOptions);
    return [];
  } catch (error) {
    if (error instanceof SemanticEventsConfigError) return error.problems;
    throw error;
  }
};

describe('@RateLimit', () => {
  it.each([
    { rate: 50 },
    { rate: 0.1, per: 60_000, burst: 5, cost: 5 },
    { rate: 1, by: 'client' },
    { rate: 1, by: 'user' },
    { rate: 1, by: 'address' },
    { rate: 1, by: () => 'tenant' },
    { rate: 1, exact: true },
    { rate: 1, by: undefined, cost: undefined, per: undefined, burst: undefined },
  ])('accepts %j', options => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['@RateLimit must be', undefined],
    ['@RateLimit must be', null],
    ['@RateLimit must be', 5],
    ['@RateLimit: rate', {}],
    ['@RateLimit: rate', { rate: 0 }],
    ['@RateLimit: rate', { rate: NaN }],
    ['@RateLimit: rate', { rate: '10' }],
    ['@RateLimit: per', { rate: 1, per: -1 }],
    ['@RateLimit: burst', { rate: 1, burst: 0 }],
    ['@RateLimit: burst', { rate: 1, burst: 1.5 }],
    ["@RateLimit: by must be 'client', 'user', 'address' or a function", { rate: 1, by: 'ip' }],
    ['@RateLimit: by', { rate: 1, by: null }],
    ['@RateLimit: cost', { rate: 1, cost: 0 }],
    ['@RateLimit: cost', { rate: 1, cost: -1 }],
    ['@RateLimit: cost', { rate: 1, cost: NaN }],
    [
      '@RateLimit: cost must be at most the burst, or no event can ever pass',
      { rate: 1, burst: 3, cost: 4 },
    ],
    ['@RateLimit: exact', { rate: 1, exact: 'yes' }],
    ['@RateLimit: rate is too small for its period', { rate: 1e-304, burst: 1_000 }],
    ['@RateLimit.limit', { rate: 1, limit: 5 }],
  ])('throws an error about %s at class definition for %j', (complaint, options) => {
    expect(problemsOf(options)).toEqual([expect.stringContaining(complaint)]);
  });

  it('reports every problem at once', () => {
    expect(problemsOf({ rate: -1, per: 0, burst: 0, by: 'ip', cost: 0, ttl: 1 })).toHaveLength(6);
  });

  it('copies the options, and attaches the guard to gateway and handler', () => {
    const options = { rate: 1, burst: 2 };
    @RateLimit({ rate: 9 })
    class Gateway {
      @RateLimit(options)
      on() {}
    }
    options.burst = 1_000;
    expect(Reflect.getMetadata(RATE_LIMIT, Gateway.prototype.on)).toEqual({ rate: 1, burst: 2 });
    expect(Reflect.getMetadata(RATE_LIMIT, Gateway)).toEqual({ rate: 9 });
    for (const target of [Gateway, Gateway.prototype.on])
      expect(Reflect.getMetadata(GUARDS_METADATA, target)).toEqual([RateLimitGuard]);
  });

  it('attaches SharedRateLimitGuard to each handler of a gateway for a limit that clients share', () => {
    @RateLimit({ rate: 9, by: 'address' })
    class Gateway {
      @SubscribeMessage('on')
      on() {}

      helper() {}
    }
    class Handlers {
      @RateLimit({ rate: 9, by: () => 'all' })
      on() {}
    }
    const guardsOf = (target: object): unknown => Reflect.getMetadata(GUARDS_METADATA, target);
    expect(guardsOf(Gateway)).toBeUndefined();
    expect(guardsOf(Gateway.prototype.on)).toEqual([SharedRateLimitGuard]);
    expect(guardsOf(Gateway.prototype.helper)).toBeUndefined();
    expect(guardsOf(Handlers.prototype.on)).toEqual([SharedRateLimitGuard]);
  });

  it('marks a handler with @SkipRateLimit() as exempt', () => {
    class Gateway {
      @SkipRateLimit()
      skips() {}
    }
    expect(Reflect.getMetadata(SKIP_RATE_LIMIT, Gateway.prototype.skips)).toBe(true);
  });
});
