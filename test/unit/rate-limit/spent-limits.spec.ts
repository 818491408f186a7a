import { RateLimit, type RateLimitBy, RateLimiter, RateLimitGuard } from '../../../lib/index.js';
import { Reflector } from '@nestjs/core';
import { InMemoryRateLimitStore, SharedRateLimitGuard } from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt, wsContext } from '../../helpers/ws-context.js';

const start = (
  by: RateLimitBy = 'user',
  Guard: typeof RateLimitGuard = RateLimitGuard,
  per = 1_000,
) => {
  class Handlers {
    @RateLimit({ rate: 1, burst: 1, per, by })
    limited() {}
  }
  const clock = new FakeClock();
  const limiter = new RateLimiter(new InMemoryRateLimitStore(10, clock), resolvedOptions(), clock);
  const guard = new Guard(limiter, new Reflector());
  const client = clientAt('192.0.2.1', 'alice');
  /**
   * Returns the result of one call, and for how long a further message would be rejected without
   * the guard.
   */
  const call = () => {
    const context = wsContext(Handlers, 'limited', { client, pattern: 'demo.limited' });
    const code = refusalOf(() => guard.canActivate(context));
    return [code, limiter.spent.retryAfter(client, 'demo.limited')];
  };
  return { clock, limiter, client, call };
};

describe('a limit that a client has used up', () => {
  it('is known from the first rejection until the next message would pass', () => {
    const { clock, limiter, client, call } = start();
    expect(call()).toEqual([undefined, 0]);
    clock.advance(400);
    expect(call()).toEqual(['RATE_LIMITED', 600]);
    clock.advance(599);
    expect(limiter.spent.retryAfter(client, 'demo.limited')).toBe(1);
    clock.advance(1);
    expect(call()).toEqual([undefined, 0]);
  });

  it('does not apply to a client whose bucket did not fit into the store, once there is room', () => {
    const { clock, limiter, client, call } = start('user', RateLimitGuard, 3_600_000);
    for (let key = 0; key < 10; key++)
      void limiter.take({ table: 'handlers', key: `${key}` }, { rate: 1 });
    expect(call()).toEqual(['RATE_LIMITED', 1_000]);
    clock.advance(1_001);
    expect(limiter.spent.retryAfter(client, 'demo.limited')).toBe(0);
    expect(call()).toEqual([undefined, 0]);
  });

  it('applies to one message and one client', () => {
    const { limiter, client, call } = start();
    call();
    call();
    expect(limiter.spent.retryAfter(client, 'demo.other')).toBe(0);
    expect(limiter.spent.retryAfter(clientAt('192.0.2.1', 'alice'), 'demo.limited')).toBe(0);
  });

  it('does not apply after an anonymous client has authenticated', () => {
    const { limiter } = start();
    const client = clientAt('192.0.2.1');
    limiter.spent.note(client, 'demo.limited', 1_000);
    expect(limiter.spent.retryAfter(client, 'demo.limited')).toBe(1_000);
    client.authenticateAs({ id: 'alice' }, Infinity);
    expect(limiter.spent.retryAfter(client, 'demo.limited')).toBe(0);
  });

  it.each<[string, ReturnType<typeof start>]>([
    ['an application names the key', start(() => 'key', SharedRateLimitGuard)],
    ['an application has a guard of its own', start('user', class extends RateLimitGuard {})],
  ])('is checked every time if %s', (_, { call }) => {
    call();
    expect(call()).toEqual(['RATE_LIMITED', 0]);
  });
});
