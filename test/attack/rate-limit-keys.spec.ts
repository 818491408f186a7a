import { RateLimiter, SemanticEventsConfigError } from '../../lib/index.js';
import { InMemoryRateLimitStore, type RateLimitDecision } from '../../lib/rate-limit/index.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { resolvedOptions } from '../helpers/resolved-options.js';

describe('InMemoryRateLimitStore', () => {
  const limiter = (maxKeys = 1_000) => {
    const clock = new FakeClock();
    const store = new InMemoryRateLimitStore(maxKeys, clock);
    const limits = new RateLimiter(store, resolvedOptions({ rateLimit: { maxKeys } }), clock);
    const take = (key: string, limit: { rate: number; burst?: number }, cost?: number) =>
      limits.take(key, limit, cost) as RateLimitDecision;
    return { clock, store, take };
  };

  it.each([0, -1, NaN, -0, 6, Infinity, -Infinity])(
    'rejects a cost of %d for a burst of 5',
    cost => {
      const { take, store } = limiter();
      expect(() => take('a', { rate: 1, burst: 5 }, cost)).toThrow(SemanticEventsConfigError);
      expect(store.size).toBe(0);
    },
  );

  it('stores a million keys, and then rejects new ones instead of evicting one', () => {
    const LIMIT = { rate: 1, burst: 1 };
    const { clock, store, take } = limiter(1_000_000);
    expect(take('victim', LIMIT).allowed).toBe(true);
    for (let key = 1; key < 1_000_000; key++) take(`key-${key}`, LIMIT);
    for (let key = 0; key < 10_000; key++) expect(take(`more-${key}`, LIMIT).allowed).toBe(false);
    expect(store.size).toBe(1_000_000);
    expect(take('victim', LIMIT).allowed).toBe(false);
    clock.advance(1_000);
    for (let key = 0; key < 10; key++) take(`later-${key}`, LIMIT);
    expect(store.size).toBeLessThanOrEqual(1_000_000);
    expect(take('victim', LIMIT).allowed).toBe(true);
  });
});
