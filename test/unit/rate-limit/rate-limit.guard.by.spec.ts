import { Reflector } from '@nestjs/core';
import type { Client } from '../../../lib/connection/index.js';
import {
  InMemoryRateLimitStore,
  RateLimit,
  RateLimiter,
  RateLimitGuard,
  type RateLimitStore,
  SharedRateLimitGuard,
} from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { clientAt, wsContext } from '../../helpers/ws-context.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

class Handlers {
  @RateLimit({ rate: 1, by: 'client' })
  client() {}

  @RateLimit({ rate: 1 })
  user() {}

  @RateLimit({ rate: 1, by: 'address' })
  address() {}

  @RateLimit({ rate: 1, by: (client, context) => `${client.address[0]}-${context.getType()}` })
  custom() {}

  @RateLimit({ rate: 1, by: client => client.address.repeat(100) })
  long() {}
}

class Choices {
  @RateLimit({ rate: 1, by: () => undefined as never })
  none() {}

  @RateLimit({ rate: 1, by: () => Promise.reject(new Error('away')) as never })
  later() {}

  @RateLimit({ rate: 1, by: () => ({}) as never })
  object() {}
}

const ann = () => clientAt('192.0.2.1', 'ann');
const annElsewhere = () => clientAt('198.51.100.7', 'ann');
const bob = () => clientAt('192.0.2.1', 'bob');
const anonymous = () => clientAt('192.0.2.1');
const anonymousElsewhere = () => clientAt('198.51.100.7');

/** Calls a handler whose bucket has one token. */
function outcomesOf(method: string) {
  const store = new InMemoryRateLimitStore(100, new FakeClock());
  const Guard = ['user', 'client'].includes(method) ? RateLimitGuard : SharedRateLimitGuard;
  const guard = new Guard(
    new RateLimiter(store, resolvedOptions(), new FakeClock()),
    new Reflector(),
  );
  return (client: Client) =>
    refusalOf(() => guard.canActivate(wsContext(Handlers, method, { client })));
}

describe('RateLimitGuard', () => {
  it.each([
    ['client', 'separates', 'two connections of a user', ann, ann],
    ['user', 'joins', 'two connections of a user', ann, annElsewhere],
    ['user', 'separates', 'two users at one address', ann, bob],
    ['user', 'joins', 'two unauthenticated clients at one address', anonymous, anonymous],
    [
      'user',
      'separates',
      'unauthenticated clients at two addresses',
      anonymous,
      anonymousElsewhere,
    ],
    [
      'user',
      'separates',
      'a user whose id is an address and a client at that address',
      anonymous,
      () => clientAt('::1', '192.0.2.1'),
    ],
    ['address', 'joins', 'two users at one address', ann, bob],
    ['address', 'separates', 'one user at two addresses', ann, annElsewhere],
    ['custom', 'joins', 'clients for which the function returns the same key', ann, anonymous],
    [
      'custom',
      'separates',
      'clients for which the function returns different keys',
      () => clientAt('192.0.2.1'),
      () => clientAt('::1'),
    ],
    ['long', 'joins', 'long names that are the same', ann, bob],
    ['long', 'separates', 'long names that differ', ann, annElsewhere],
  ])('by %s, %s %s', (method, effect, _, one, other) => {
    const outcome = outcomesOf(method);
    expect(outcome(one())).toBeUndefined();
    expect(outcome(other())).toBe(effect === 'joins' ? 'RATE_LIMITED' : undefined);
  });
});

describe('a function that chooses no key', () => {
  const guardOf = (store: RateLimitStore) =>
    new SharedRateLimitGuard(
      new RateLimiter(store, resolvedOptions(), new FakeClock()),
      new Reflector(),
    );

  it('leaves each user to a bucket of its own', () => {
    const guard = guardOf(new InMemoryRateLimitStore(100, new FakeClock()));
    const call = (client: Client) =>
      refusalOf(() => guard.canActivate(wsContext(Choices, 'none', { client })));
    expect(call(ann())).toBeUndefined();
    expect(call(bob())).toBeUndefined();
    expect(call(ann())).toBe('RATE_LIMITED');
  });

  it.each(['later', 'object'])('but something else (%s) fails, and ends nothing', async method => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listen);
    const guard = guardOf(new InMemoryRateLimitStore(100, new FakeClock()));
    expect(() => guard.canActivate(wsContext(Choices, method, { client: ann() }))).toThrow(
      'must return a string',
    );
    await new Promise(setImmediate);
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});
