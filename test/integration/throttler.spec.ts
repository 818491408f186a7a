import { Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SkipThrottle, Throttle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { SemanticEventsThrottlerStorage } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { HeaderGuard, post } from '../helpers/http.js';
import { JWT_SECRET, TestApp } from '../helpers/test-app.js';

@Controller()
class RoutesController {
  @Post('limited')
  @UseGuards(ThrottlerGuard)
  limited() {
    return {};
  }

  @Post('slower')
  @UseGuards(ThrottlerGuard)
  @Throttle({ default: { limit: 1, ttl: 60_000 } })
  slower() {
    return {};
  }

  @Post('closed')
  @UseGuards(ThrottlerGuard)
  @Throttle({ default: { limit: 0, ttl: 60_000 } })
  closed() {
    return {};
  }

  @Get('free')
  @SkipThrottle()
  free() {
    return {};
  }
}

@Module({})
class RoutesModule {}

const throttler = ThrottlerModule.forRootAsync({
  inject: [SemanticEventsThrottlerStorage],
  useFactory: (storage: SemanticEventsThrottlerStorage) => ({
    throttlers: [{ limit: 3, ttl: 3_000 }],
    storage,
  }),
});

describe("the application's own routes with SemanticEventsThrottlerStorage", () => {
  it('are allowed up to their limit, and again as tokens refill', async () => {
    const clock = new FakeClock();
    const app = await TestApp.start({
      gateways: [DemoGateway],
      clock,
      imports: [throttler, { module: RoutesModule, controllers: [RoutesController] }],
    });
    for (const remaining of ['2', '1', '0']) {
      const { status, headers } = await post(app, '/limited');
      expect(status).toBe(201);
      expect(headers.get('x-ratelimit-limit')).toBe('3');
      expect(headers.get('x-ratelimit-remaining')).toBe(remaining);
    }
    const refused = await post(app, '/limited');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    clock.advance(1_000);
    expect((await post(app, '/limited')).status).toBe(201);
    expect((await post(app, '/limited')).status).toBe(429);
  });

  it('have their own limits, which may be zero', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      imports: [throttler, { module: RoutesModule, controllers: [RoutesController] }],
    });
    expect((await post(app, '/slower')).status).toBe(201);
    const refused = await post(app, '/slower');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(30);
    expect((await post(app, '/limited')).status).toBe(201);
    expect((await post(app, '/closed')).status).toBe(429);
  });
});

describe("the ticket route next to the application's ThrottlerModule", () => {
  it('has its own limit, and does not affect theirs', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: {
        auth: { jwt: { secret: JWT_SECRET }, ticketRoute: { guard: HeaderGuard } },
        connection: { maxConnectionsPerUser: 10 },
      },
      imports: [
        ThrottlerModule.forRoot([{ limit: 1, ttl: 60_000 }]),
        { module: RoutesModule, controllers: [RoutesController] },
      ],
    });
    const ask = () => post(app, '/auth/ticket', { headers: { 'x-user': 'alice' } });
    const statuses: number[] = [];
    for (let request = 0; request < 11; request++) statuses.push((await ask()).status);
    expect(statuses).toEqual([...Array<number>(10).fill(201), 429]);
    expect((await post(app, '/limited')).status).toBe(201);
    expect((await post(app, '/limited')).status).toBe(429);
  });

  it('applies a global guard like any route', async () => {
    const app = await TestApp.start({
      gateways: [],
      options: { auth: { jwt: { secret: JWT_SECRET }, ticketRoute: { guard: HeaderGuard } } },
      imports: [ThrottlerModule.forRoot([{ limit: 2, ttl: 60_000 }])],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
    });
    const ask = () => post(app, '/auth/ticket', { headers: { 'x-user': 'alice' } });
    expect((await ask()).status).toBe(201);
    expect((await ask()).status).toBe(201);
    expect((await ask()).status).toBe(429);
  });
});
