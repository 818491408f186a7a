import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/internal';
import * as fc from 'fast-check';
import { GuardRank, UseRankedGuard } from '../../../lib/handler/index.js';
import { RateLimit, RateLimitGuard } from '../../../lib/rate-limit/index.js';
import { SignedEvent, SignedEventGuard } from '../../../lib/signing/index.js';

fc.configureGlobal({ seed: 20_261_128 });

@Injectable()
class Passing implements CanActivate {
  canActivate() {
    return true;
  }
}
class Login extends Passing {}
class Limit extends Passing {}
class Signature extends Passing {}
class Permission extends Passing {}
class Mine extends Passing {}
class MineToo extends Passing {}

/** Returns the guards of a handler after the decorators were applied in turn. */
function guardsAfter(decorators: MethodDecorator[]): unknown {
  class Gateway {
    on() {}
  }
  const { prototype } = Gateway;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, 'on')!;
  for (const decorate of decorators) decorate(prototype, 'on', descriptor);
  return Reflect.getMetadata(GUARDS_METADATA, prototype.on);
}

describe('UseRankedGuard', () => {
  const login = UseRankedGuard(GuardRank.Authenticated, Login, '@Login()');
  const limit = UseRankedGuard(GuardRank.RateLimit, Limit, '@Limit()');
  const signature = UseRankedGuard(GuardRank.Signature, Signature, '@Signature()');
  const permission = UseRankedGuard(GuardRank.Authorization, Permission, '@Permission()');
  const application = [UseGuards(Mine), UseGuards(MineToo, new Mine())];
  const all = [login, limit, signature, permission, ...application];

  it("runs this library's guards by rank and before the application's, in any order of decorators", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), decorators => {
        const guards = guardsAfter(decorators) as unknown[];
        expect(guards.slice(0, 4)).toEqual([Login, Limit, Signature, Permission]);
        expect(guards).toHaveLength(7);
      }),
    );
  });

  it("keeps the order of the application's guards", () => {
    expect(guardsAfter([UseGuards(MineToo), UseGuards(Mine), login])).toEqual([
      Login,
      MineToo,
      Mine,
    ]);
  });

  it('attaches a guard once, however often it is applied', () => {
    expect(guardsAfter([login, limit, login, limit])).toEqual([Login, Limit]);
  });

  it('attaches guards to a class as well as to a handler', () => {
    @UseRankedGuard(GuardRank.Authenticated, Login, '@Login()')
    @UseGuards(Mine)
    @UseRankedGuard(GuardRank.RateLimit, Limit, '@Limit()')
    class Gateway {}
    expect(Reflect.getMetadata(GUARDS_METADATA, Gateway)).toEqual([Login, Limit, Mine]);
  });

  it('does not affect other handlers or the base class of a gateway', () => {
    class Base {
      @UseRankedGuard(GuardRank.RateLimit, Limit, '@Limit()')
      one() {}

      two() {}
    }
    @UseRankedGuard(GuardRank.Authenticated, Login, '@Login()')
    class Gateway extends Base {}
    expect(Reflect.getMetadata(GUARDS_METADATA, Gateway.prototype.one)).toEqual([Limit]);
    expect(Reflect.getMetadata(GUARDS_METADATA, Gateway.prototype.two)).toBeUndefined();
    expect(Reflect.getMetadata(GUARDS_METADATA, Base)).toBeUndefined();
  });

  it('runs the rate limit before the signature check, in any order of decorators', () => {
    const [limit, signed] = [RateLimit({ rate: 1 }), SignedEvent()];
    expect(guardsAfter([limit, signed])).toEqual([RateLimitGuard, SignedEventGuard]);
    expect(guardsAfter([signed, limit])).toEqual([RateLimitGuard, SignedEventGuard]);
  });
});
