import { Reflector } from '@nestjs/core';
import type { Client } from '../../../lib/connection/index.js';
import {
  InMemoryRateLimitStore,
  RateLimit,
  RateLimiter,
  RateLimitGuard,
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

const ann = () => clientAt('192.0.2.1', 'ann');
const annElsewhere = () => clientAt('198.51.100.7', 'ann');
const bob = () => clientAt('192.0.2.1', 'bob');
const nobody = () => clientAt('192.0.2.1');
const nobodyElsewhere = () => clientAt('198.51.100.7');

/** Calls a handler whose bucket holds one token. */
function outcomesOf(method: string) {
  const store = new InMemoryRateLimitStore(100, new FakeClock());
  const guard = new RateLimitGuard(
    new RateLimiter(store, resolvedOptions(), new FakeClock()),
    new Reflector(),
  );
  return (client: Client) =>
    refusalOf(() => guard.canActivate(wsContext(Handlers, method, { client })));
}

describe('RateLimitGuard', () => {
  it.each([
    ['client', 'keeps apart', 'two connections of a user', ann, ann],
    ['user', 'joins', 'two connections of a user', ann, annElsewhere],
    ['user', 'keeps apart', 'two users at one address', ann, bob],
    ['user', 'joins', 'two unauthenticated clients at one address', nobody, nobody],
    ['user', 'keeps apart', 'unauthenticated clients at two addresses', nobody, nobodyElsewhere],
    [
      'user',
      'keeps apart',
      'a user named like an address and a client there',
      nobody,
      () => clientAt('::1', '192.0.2.1'),
    ],
    ['address', 'joins', 'two users at one address', ann, bob],
    ['address', 'keeps apart', 'one user at two addresses', ann, annElsewhere],
    ['custom', 'joins', 'what the function names alike', ann, nobody],
    [
      'custom',
      'keeps apart',
      'what the function tells apart',
      () => clientAt('192.0.2.1'),
      () => clientAt('::1'),
    ],
    ['long', 'joins', 'long names that are the same', ann, bob],
    ['long', 'keeps apart', 'long names that differ', ann, annElsewhere],
  ])('by %s, %s %s', (method, effect, _, one, other) => {
    const outcome = outcomesOf(method);
    expect(outcome(one())).toBeUndefined();
    expect(outcome(other())).toBe(effect === 'joins' ? 'RATE_LIMITED' : undefined);
  });
});
