import { Controller, Get, Injectable, UseFilters } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Authorize,
  EventMesh,
  OnSemanticEvent,
  Public,
  RateLimit,
  Roles,
  SecureGateway,
  SemanticEventsExceptionFilter,
  SignedEvent,
  SkipRateLimit,
} from '../../lib/index.js';
import { TestApp, type TestAppOptions } from '../helpers/test-app.js';

/** Puts another function in the place of the method, as decorators for tracing, caching or transactions do. */
function Traced(): MethodDecorator {
  return (_target, _key, descriptor) => {
    const method = descriptor.value as unknown as (...args: unknown[]) => unknown;
    const traced = function (this: unknown, ...args: unknown[]) {
      return method.apply(this, args);
    };
    return { ...descriptor, value: traced as never };
  };
}

const LIMIT = { rate: 1, per: 60_000 };

class Base {
  @SubscribeMessage('pay')
  @SignedEvent()
  @Roles('admin')
  @RateLimit(LIMIT)
  pay(): string {
    return 'paid';
  }

  @SubscribeMessage('kick')
  @Public(false)
  kick(): string {
    return 'kicked';
  }
}

class LimitedPay {
  @SubscribeMessage('pay')
  @RateLimit(LIMIT)
  pay(): string {
    return 'paid';
  }
}

async function problemsOf(setup: Partial<TestAppOptions>): Promise<string[]> {
  try {
    await TestApp.start({ gateways: [], ...setup });
    return [];
  } catch (error) {
    return (error as { problems?: string[] }).problems ?? [String(error)];
  }
}

describe('the application does not start', () => {
  it('if a decorator above the protection of a handler replaces the method', async () => {
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Wrapped {
      @SubscribeMessage('pay')
      @Traced()
      @SignedEvent()
      @Roles('admin')
      pay() {
        return 'paid';
      }

      @SubscribeMessage('refund')
      @RateLimit(LIMIT)
      @Authorize(() => true)
      @Traced()
      @Authorize(() => false)
      refund() {
        return 'refunded';
      }
    }
    const advice =
      'has no effect, because a decorator above it replaces the method. Put that decorator below those of nestjs-semantic-events';
    expect(await problemsOf({ gateways: [Wrapped] })).toEqual([
      `Wrapped.pay: @Roles(admin) ${advice}`,
      `Wrapped.pay: @SignedEvent() ${advice}`,
      `Wrapped.refund: @Authorize ${advice}`,
    ]);
  });

  it('if a handler that overrides another one has less protection', async () => {
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    @Public()
    class Weaker extends Base {
      @SubscribeMessage('pay')
      override pay() {
        return 'for nothing';
      }

      @SubscribeMessage('kick')
      override kick() {
        return 'kicked by anybody';
      }
    }
    const advice = 'of Base does not apply to it. Repeat the decorator on this method';
    expect((await problemsOf({ gateways: [Weaker] })).sort()).toEqual([
      `Weaker.kick: @Public(false) ${advice}`,
      `Weaker.pay: @RateLimit() ${advice}`,
      `Weaker.pay: @Roles(admin) ${advice}`,
      `Weaker.pay: @SignedEvent() ${advice}`,
    ]);
  });

  it('if a subclass adds a handler to which a shared limit of its base class does not apply', async () => {
    @RateLimit({ ...LIMIT, by: 'address' })
    class Limited {
      @SubscribeMessage('old')
      old() {
        return 'old';
      }
    }
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class More extends Limited {
      @SubscribeMessage('new')
      fresh() {
        return 'new';
      }

      @SubscribeMessage('free')
      @SkipRateLimit()
      free() {
        return 'free';
      }
    }
    expect(await problemsOf({ gateways: [More] })).toEqual([
      'More.fresh: @RateLimit() of Limited does not apply to it. Repeat the decorator on this method',
    ]);
  });

  it('if the decorators are in a class that is no gateway, or on a method that is no handler', async () => {
    @Controller('routes')
    class Routes {
      @Get('pay')
      @Roles('admin')
      pay() {
        return 'paid';
      }
    }
    @Controller('secured')
    @SecureGateway()
    class Secured {}
    @Controller('filtered')
    @UseFilters(SemanticEventsExceptionFilter)
    class Filtered {}
    @Controller('limited')
    @RateLimit({ ...LIMIT, by: 'address' })
    class Limited {}
    @Injectable()
    class Listener {
      @OnSemanticEvent('order.*')
      @RateLimit(LIMIT)
      on() {}
    }
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Gateway {
      @OnSemanticEvent('order.*')
      @SignedEvent()
      on() {}
    }
    const gateways = [Gateway];
    @Injectable()
    class Forgotten extends Base {}
    const providers = [Listener, Forgotten, { provide: 'made', useFactory: () => new Base() }];
    const imports = [{ module: class Http {}, controllers: [Routes, Secured, Filtered, Limited] }];
    const problems = await problemsOf({ gateways, providers, imports });
    const noHandler = 'protects only methods of a gateway with @SubscribeMessage(). Remove it';
    expect(problems.sort()).toEqual(
      [
        `Gateway.on: @SignedEvent() ${noHandler}`,
        `Listener.on: @RateLimit() ${noHandler}`,
        `Routes.pay: @Roles(admin) ${noHandler}`,
        `Forgotten.pay: @RateLimit() ${noHandler}`,
        `Forgotten.kick: @Public(false) ${noHandler}`,
        ...['Secured', 'Filtered', 'Limited'].map(
          name =>
            `${name}: the decorators of nestjs-semantic-events on this class protect gateways only. Remove them`,
        ),
      ].sort(),
    );
  });

  it('if the filter for gateways is global, because no failed HTTP request would be answered', async () => {
    const provided = await problemsOf({
      providers: [{ provide: APP_FILTER, useClass: SemanticEventsExceptionFilter }],
    });
    const used = await problemsOf({
      prepare: app => app.useGlobalFilters(new SemanticEventsExceptionFilter()),
    });
    for (const problems of [provided, used])
      expect(problems).toEqual([
        expect.stringContaining('SemanticEventsExceptionFilter is a global filter'),
      ]);
  });
});

describe('the application starts', () => {
  it('if every handler has the protection that its decorators state, in any order', async () => {
    let paid = 0;
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Strict extends Base {
      constructor(readonly mesh: EventMesh) {
        super();
      }

      @RateLimit({ ...LIMIT, by: 'address' })
      @Authorize(() => false)
      @SignedEvent()
      @SubscribeMessage('pay')
      @Traced()
      override pay() {
        return `paid ${++paid}`;
      }

      // Removes the handler.
      override kick() {
        return 'nothing';
      }
    }
    const client = await (await TestApp.start({ gateways: [Strict] })).login();
    client.emit('pay');
    client.emit('kick');
    expect((await client.take(2)).map(({ code }) => code as string).sort()).toEqual([
      'FORBIDDEN',
      'UNKNOWN_EVENT',
    ]);
    expect(paid).toBe(0);
  });

  it('if the gateway itself has the kind of protection that an overridden handler had', async () => {
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    @RateLimit(LIMIT)
    class Limited extends LimitedPay {
      @SubscribeMessage('pay')
      override pay() {
        return 'paid';
      }
    }
    const client = await (await TestApp.start({ gateways: [Limited] })).login();
    client.emit('pay');
    client.emit('pay');
    expect((await client.take(2)).map(({ code }) => code)).toContain('RATE_LIMITED');
  });
});
