import { Injectable, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { RefusalException } from '../../../lib/handler/index.js';
import {
  InMemoryRateLimitStore,
  RateLimit,
  RateLimiter,
  RateLimitGuard,
  RateLimitStore,
  SkipRateLimit,
} from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { clientAt, type WsCall, wsContext } from '../../helpers/ws-context.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

@RateLimit({ rate: 1, burst: 2 })
class Limited {
  inherits() {}

  another() {}

  @RateLimit({ rate: 1, burst: 3 })
  overrides() {}

  @SkipRateLimit()
  skips() {}
}

class Handlers {
  free() {}

  @RateLimit({ rate: 1 })
  user() {}

  @RateLimit({ rate: 1, burst: 4, cost: 2 })
  costly() {}
}

describe('RateLimitGuard', () => {
  let clock: FakeClock;
  let store: InMemoryRateLimitStore;
  let guard: RateLimitGuard;

  beforeEach(() => {
    clock = new FakeClock();
    store = new InMemoryRateLimitStore(1_000, clock);
    guard = new RateLimitGuard(
      new RateLimiter(store, resolvedOptions(), new FakeClock()),
      new Reflector(),
    );
  });

  const call = (gateway: Type, method: string, how?: WsCall) =>
    guard.canActivate(wsContext(gateway, method, how));
  const outcome = (gateway: Type, method: string, how?: WsCall) =>
    refusalOf(() => call(gateway, method, how));
  /** How many of ten calls in a row pass. */
  const passes = (gateway: Type, method: string, how?: WsCall) =>
    Array.from({ length: 10 }, () => outcome(gateway, method, how)).filter(code => !code).length;

  it.each([
    ['lets a handler without a limit be called at will', Handlers, 'free', 10],
    ['applies the limit of a gateway to its handler', Limited, 'inherits', 2],
    [
      'lets the limit of a handler take the place of the one of its gateway',
      Limited,
      'overrides',
      3,
    ],
    ['exempts a handler that skips the limit of its gateway', Limited, 'skips', 10],
    ['charges what an event costs', Handlers, 'costly', 2],
  ])('%s', (_, gateway, method, expected) => {
    expect(passes(gateway, method)).toBe(expected);
  });

  it('gives each handler of a gateway a bucket of its own', () => {
    expect(passes(Limited, 'inherits')).toBe(2);
    expect(passes(Limited, 'another')).toBe(2);
  });

  it('charges a call once, though gateway and handler both bring the guard in', () => {
    const context = wsContext(Limited, 'overrides');
    for (let i = 0; i < 10; i++) expect(guard.canActivate(context)).toBe(true);
    expect(passes(Limited, 'overrides')).toBe(2);
  });

  it('refuses with the code, the wait and the id of the event', () => {
    const data = { id: 'e1' };
    void call(Handlers, 'user', { data });
    clock.advance(250);
    expect.assertions(1);
    try {
      void call(Handlers, 'user', { data });
    } catch (error) {
      expect((error as RefusalException).getError()).toMatchObject({
        code: 'RATE_LIMITED',
        retry_after: 0.75,
        id: 'e1',
      });
    }
  });

  it('waits for a store that answers later', async () => {
    class LaterStore extends RateLimitStore {
      override take = async (...request: Parameters<RateLimitStore['take']>) =>
        store.take(...request);

      override refund = async (...refund: Parameters<RateLimitStore['refund']>) => {
        store.refund(...refund);
      };
    }
    guard = new RateLimitGuard(
      new RateLimiter(new LaterStore(), resolvedOptions(), new FakeClock()),
      new Reflector(),
    );
    await expect(call(Handlers, 'user')).resolves.toBe(true);
    await expect(call(Handlers, 'user')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('can be made to decide otherwise by overriding a step', () => {
    @Injectable()
    class SharedGuard extends RateLimitGuard {
      protected override keyOf(): string {
        return 'everybody';
      }
    }
    guard = new SharedGuard(
      new RateLimiter(store, resolvedOptions(), new FakeClock()),
      new Reflector(),
    );
    expect(outcome(Handlers, 'user', { client: clientAt('192.0.2.1', 'ann') })).toBeUndefined();
    expect(outcome(Handlers, 'user', { client: clientAt('::1', 'bob') })).toBe('RATE_LIMITED');
  });

  it('charges a call once, though a guard made of it is attached to gateway and handler', () => {
    class OwnGuard extends RateLimitGuard {}
    guard = new OwnGuard(
      new RateLimiter(store, resolvedOptions(), new FakeClock()),
      new Reflector(),
    );
    const context = wsContext(Handlers, 'user');
    for (let i = 0; i < 10; i++)
      expect(refusalOf(() => guard.canActivate(context))).toBeUndefined();
  });
});
