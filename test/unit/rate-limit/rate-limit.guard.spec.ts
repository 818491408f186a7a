import { Injectable, SetMetadata, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import type { RefusalException } from '../../../lib/handler/index.js';
import {
  InMemoryRateLimitStore,
  RateLimit,
  RateLimiter,
  RateLimitGuard,
  RateLimitStore,
  SharedRateLimitGuard,
  SkipRateLimit,
} from '../../../lib/rate-limit/index.js';
import { pendingDecisionOf } from '../../../lib/rate-limit/rate-limit.guard.js';
import { RATE_LIMIT } from '../../../lib/rate-limit/rate-limit.metadata.js';
import { SignedEvent } from '../../../lib/signing/index.js';
import { FakeServer, RemoteRateLimitStore } from '../../helpers/failing-stores.js';
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
  /** Counts how many of ten calls in a row pass. */
  const passes = (gateway: Type, method: string, how?: WsCall) =>
    Array.from({ length: 10 }, () => outcome(gateway, method, how)).filter(code => !code).length;

  it.each([
    ['does not limit a handler without a limit', Handlers, 'free', 10],
    ['applies the limit of a gateway to its handler', Limited, 'inherits', 2],
    ['replaces the limit of a gateway by that of a handler', Limited, 'overrides', 3],
    ['exempts a handler that skips the limit of its gateway', Limited, 'skips', 10],
    ['charges the cost of an event', Handlers, 'costly', 2],
  ])('%s', (_, gateway, method, expected) => {
    expect(passes(gateway, method)).toBe(expected);
  });

  it('gives each handler of a gateway a bucket of its own', () => {
    expect(passes(Limited, 'inherits')).toBe(2);
    expect(passes(Limited, 'another')).toBe(2);
  });

  it('charges a call once if gateway and handler both have the guard', () => {
    const context = wsContext(Limited, 'overrides');
    for (let i = 0; i < 10; i++) expect(guard.canActivate(context)).toBe(true);
    expect(passes(Limited, 'overrides')).toBe(2);
  });

  it('rejects with the code, the wait and the id of the event', () => {
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

  it('works with an asynchronous store', async () => {
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

  it('can be customized by overriding a step', () => {
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

  it('charges a call once if a subclass of the guard is on gateway and handler', () => {
    class OwnGuard extends RateLimitGuard {}
    guard = new OwnGuard(
      new RateLimiter(store, resolvedOptions(), new FakeClock()),
      new Reflector(),
    );
    const context = wsContext(Handlers, 'user');
    for (let i = 0; i < 10; i++)
      expect(refusalOf(() => guard.canActivate(context))).toBeUndefined();
  });

  it('charges an IPv6 client to the /64, the /56 and the /48 of its address', () => {
    const passesOf = (subnets: number[]) =>
      subnets.filter(
        subnet =>
          !outcome(Handlers, 'user', { client: clientAt(`2001:db8:0:${subnet.toString(16)}::1`) }),
      ).length;
    expect(passesOf([0, 0])).toBe(1);
    expect(passesOf([1, 2, 3, 4, 5])).toBe(3);
    expect(passesOf([0x100])).toBe(1);
  });

  it('charges a call once if gateway and handler both have a limit', () => {
    const context = wsContext(Limited, 'overrides');
    for (let time = 0; time < 5; time++) expect(guard.canActivate(context)).toBe(true);
    expect(passes(Limited, 'overrides')).toBe(2);
  });

  it('charges a limit that clients share in SharedRateLimitGuard, and any other limit in RateLimitGuard', () => {
    class Shared {
      @RateLimit({ rate: 1, by: 'address' })
      shared() {}

      @RateLimit({ rate: 1 })
      own() {}
    }
    const later = new SharedRateLimitGuard(
      new RateLimiter(store, resolvedOptions(), new FakeClock()),
      new Reflector(),
    );
    const laterPasses = (method: string) =>
      Array.from({ length: 10 }, () =>
        refusalOf(() => later.canActivate(wsContext(Shared, method))),
      ).filter(code => !code).length;
    expect(passes(Shared, 'shared')).toBe(10);
    expect(laterPasses('shared')).toBe(1);
    expect(laterPasses('own')).toBe(10);
    expect(passes(Shared, 'own')).toBe(1);
  });

  it('charges a limit that clients share in RateLimitGuard if SharedRateLimitGuard is not attached', () => {
    class Own {
      shared() {}
    }
    const limit = { rate: 1, by: 'address' } as const;
    class Everywhere extends RateLimitGuard {
      protected override limitOf = () => limit;
    }
    SetMetadata(RATE_LIMIT, limit)(Own.prototype.shared);
    expect(passes(Own, 'shared')).toBe(1);
    guard = new Everywhere(
      new RateLimiter(new InMemoryRateLimitStore(10, clock), resolvedOptions(), clock),
      new Reflector(),
    );
    expect(passes(Handlers, 'free')).toBe(1);
  });

  it('gives gateways of the same name at different paths or namespaces separate buckets', () => {
    const gatewayAt = (path: string, namespace: string) => {
      @WebSocketGateway({ path, namespace })
      class Gateway {
        @RateLimit({ rate: 1 })
        on() {}
      }
      return Gateway;
    };
    for (const gateway of [gatewayAt('/v1', '/a'), gatewayAt('/v2', '/a'), gatewayAt('/v2', '/b')])
      expect(passes(gateway, 'on')).toBe(1);
  });

  describe('with an asynchronous store', () => {
    class Signed {
      @RateLimit({ rate: 1 })
      @SignedEvent()
      signed() {}

      @RateLimit({ rate: 1, by: 'address' })
      @SignedEvent()
      shared() {}

      @RateLimit({ rate: 1 })
      unsigned() {}
    }
    const server = new FakeServer();
    const start = (Guard: typeof RateLimitGuard) =>
      new Guard(
        new RateLimiter(new RemoteRateLimitStore(server), resolvedOptions(), clock),
        new Reflector(),
      );

    it('leaves the decision to the guard of @SignedEvent, which verifies in the meantime', async () => {
      guard = start(RateLimitGuard);
      const [first, second] = [wsContext(Signed, 'signed'), wsContext(Signed, 'signed')];
      expect([guard.canActivate(first), guard.canActivate(second)]).toEqual([true, true]);
      await expect(pendingDecisionOf(first)?.decided).resolves.toMatchObject({ allowed: true });
      await expect(pendingDecisionOf(second)?.decided).resolves.toMatchObject({ allowed: false });
    });

    it.each<[string, string, typeof RateLimitGuard]>([
      ['no signature is verified after it', 'unsigned', RateLimitGuard],
      ['the signature is verified before it', 'shared', SharedRateLimitGuard],
    ])('waits for the decision itself if %s', async (_, method, Guard) => {
      guard = start(Guard);
      const contexts = [wsContext(Signed, method), wsContext(Signed, method)] as const;
      await expect(guard.canActivate(contexts[0])).resolves.toBe(true);
      await expect(guard.canActivate(contexts[1])).rejects.toMatchObject({ code: 'RATE_LIMITED' });
      for (const context of contexts) expect(pendingDecisionOf(context)).toBeUndefined();
    });
  });
});
