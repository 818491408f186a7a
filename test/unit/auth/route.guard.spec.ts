import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
  RequestTimeoutException,
  ServiceUnavailableException,
  type Type,
} from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/internal';
import { of } from 'rxjs';
import { AuthAttempts, RouteGuard } from '../../../lib/auth/index.js';
import type { ResolvedOptions } from '../../../lib/options/index.js';
import { InMemoryRateLimitStore, RateLimiter } from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const BURST = 2;

/** The guard of the application, which does what `answer` does. */
class AppGuard implements CanActivate {
  static answer: () => ReturnType<CanActivate['canActivate']>;

  canActivate(): ReturnType<CanActivate['canActivate']> {
    return AppGuard.answer();
  }
}

class GuardOfRoute extends RouteGuard {
  constructor(modules: ModuleRef, attempts: AuthAttempts, options: ResolvedOptions) {
    super(AppGuard, { name: 'route:', factor: 1 }, modules, attempts, options);
  }
}

describe('RouteGuard', () => {
  let guard: GuardOfRoute;
  let created: number;
  let resolved: unknown[];
  let headers: unknown[];

  const start = async (isProvided = false) => {
    const options = resolvedOptions({
      auth: { validateToken: () => null, attempts: { rate: 1, per: 1_500, burst: BURST } },
    });
    const clock = new FakeClock();
    const limiter = new RateLimiter(new InMemoryRateLimitStore(100, clock), options, clock);
    const modules = {
      introspect: () => {
        if (!isProvided) throw new Error('no such provider');
      },
      create: (type: Type) => {
        created++;
        return Promise.resolve(new type());
      },
      registerRequestByContextId: (...given: unknown[]) => resolved.push(...given),
      resolve: (type: Type, ...given: unknown[]) => {
        resolved.push(...given);
        return Promise.resolve(new type());
      },
    };
    guard = new GuardOfRoute(
      modules as unknown as ModuleRef,
      new AuthAttempts(options, limiter),
      options,
    );
    await guard.onModuleInit();
  };
  const requestFrom = (address: string) => ({ headers: {}, socket: { remoteAddress: address } });
  const call = (request: object = requestFrom('192.0.2.1')) => {
    const response = { header: (...given: unknown[]) => headers.push(given) };
    const context: ExecutionContext = new ExecutionContextHost([request, response]);
    return guard.canActivate(context);
  };
  /** The status of the answer, or the message of an error that is no answer. */
  const outcome = (request?: object) =>
    call(request).catch((error: unknown) =>
      error instanceof HttpException ? error.getStatus() : (error as Error).message,
    );
  const failWith = (error: unknown) => () => {
    throw error;
  };

  beforeEach(async () => {
    [created, resolved, headers] = [0, [], []];
    await start();
  });

  it.each([
    ['a value', (answer: boolean) => answer],
    ['a promise', (answer: boolean) => Promise.resolve(answer)],
    ['an observable', (answer: boolean) => of(answer)],
  ])('decides what the guard of the application decides, as %s', async (_, as) => {
    for (const answer of [true, false]) {
      AppGuard.answer = () => as(answer);
      expect(await call()).toBe(answer);
    }
  });

  it('creates a guard that no module provides once, and takes that of a module for each request', async () => {
    AppGuard.answer = () => true;
    for (let request = 0; request < 3; request++) await call();
    expect([created, resolved]).toEqual([1, []]);
    await start(true);
    const request = requestFrom('192.0.2.1');
    await call(request);
    expect(created).toBe(1);
    const [registered, contextId, again, how] = resolved;
    expect([registered, again, how]).toEqual([request, contextId, { strict: false }]);
  });

  it.each([false, new ForbiddenException()])(
    'limits requests that the guard rejects with %p, per address, and says when to retry',
    async rejection => {
      AppGuard.answer = rejection === false ? () => false : failWith(rejection);
      const code = rejection === false ? false : 403;
      expect([await outcome(), await outcome(), await outcome()]).toEqual([code, code, 429]);
      expect(headers).toEqual([['Retry-After', '2']]);
      await expect(call()).rejects.toMatchObject({
        response: { code: 'RATE_LIMITED', message: 'Too many requests' },
      });
      expect(await outcome(requestFrom('203.0.113.9'))).toBe(code);
    },
  );

  it('does not count accepted requests', async () => {
    AppGuard.answer = () => true;
    for (let request = 0; request < 3 * BURST; request++) expect(await call()).toBe(true);
  });

  it.each([
    ['an error', new Error('canary'), 'canary'],
    ['an outage', new ServiceUnavailableException(), 503],
    ['a status of exactly 500', new HttpException('', 500), 500],
    ['a service that is late', new RequestTimeoutException(), 408],
    ['a service that limits', new HttpException('', 429), 429],
    ['no error at all', 'text', 'The guard of a route failed'],
  ])(
    'does not count a guard that fails with %s, and passes the failure on',
    async (_, error, code) => {
      AppGuard.answer = failWith(error);
      for (let request = 0; request < 3 * BURST; request++) expect(await outcome()).toBe(code);
      expect(headers).toEqual([]);
    },
  );
});
