import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import {
  InMemoryRateLimitStore,
  RateLimiter,
  type TokenBucketOptions,
} from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

describe('RateLimiter', () => {
  let clock: FakeClock;
  let store: InMemoryRateLimitStore;
  let limiter: RateLimiter;

  beforeEach(() => {
    clock = new FakeClock();
    store = new InMemoryRateLimitStore(100, clock);
    limiter = new RateLimiter(store, resolvedOptions(), new FakeClock());
  });

  it('lets the burst of a key pass, then its rate', async () => {
    const limit = { rate: 2, burst: 3 };
    const outcomes: boolean[] = [];
    for (const wait of [0, 0, 0, 0, 500, 0]) {
      clock.advance(wait);
      outcomes.push((await limiter.take('key', limit)).allowed);
    }
    expect(outcomes).toEqual([true, true, true, false, true, false]);
  });

  it.each([0, -1, -Infinity, NaN, Infinity, 3.5, 4])(
    'takes a cost of %d for a mistake of the application, and nothing from the bucket',
    async cost => {
      const limit = { rate: 1, burst: 3 };
      expect(() => limiter.take('key', limit, cost)).toThrow(SemanticEventsConfigError);
      expect(await limiter.take('key', limit)).toMatchObject({ remaining: 2 });
    },
  );

  it.each([1, 2, 3, 0.5])('takes a cost of %d', async cost => {
    expect(await limiter.take('key', { rate: 1, burst: 3 }, cost)).toMatchObject({
      allowed: true,
      resetAfter: cost * 1000,
    });
  });

  it.each<[string, object, number]>([
    ['no rate', {}, 1],
    ['a rate of 0', { rate: 0 }, 1],
    ['a negative rate', { rate: -1 }, 1],
    ['a rate that is NaN', { rate: NaN }, 1],
    ['an endless rate', { rate: Infinity }, 1],
    ['a rate that is text', { rate: '5' }, 1],
    ['a burst that takes forever to fill', { rate: 1e-304, burst: 1_000 }, 1],
    ['a burst of 0', { rate: 1, burst: 0 }, 1],
    ['half a token of burst', { rate: 1, burst: 1.5 }, 1],
    ['a period of 0', { rate: 1, per: 0 }, 1],
    ['nothing right', { rate: -1, per: NaN, burst: -1 }, 3],
  ])('refuses a limit with %s, naming each problem', (_, limit, problems) => {
    expect.assertions(2);
    try {
      void limiter.take('key', limit as TokenBucketOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(SemanticEventsConfigError);
      expect((error as SemanticEventsConfigError).problems).toHaveLength(problems);
    }
  });

  it('keeps the keys of one limit apart', async () => {
    const limit = { rate: 1 };
    expect(await limiter.take('a', limit)).toMatchObject({ allowed: true });
    expect(await limiter.take('a', limit)).toMatchObject({ allowed: false });
    expect(await limiter.take('b', limit)).toMatchObject({ allowed: true });
  });

  it('is not misled by a second object that says the same', async () => {
    await limiter.take('key', { rate: 1 });
    expect(await limiter.take('key', { rate: 1 })).toMatchObject({ allowed: false });
  });
});
