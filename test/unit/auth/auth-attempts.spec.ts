import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AuthAttempts } from '../../../lib/auth/index.js';
import type { RateLimitOptions } from '../../../lib/options/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import {
  InMemoryRateLimitStore,
  RateLimiter,
  type RateLimitDecision,
  RateLimitStore,
  type TokenBucket,
} from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const BURST = 3;
const home = { address: '192.0.2.1' };
const fail = () => {
  throw new RefusalError('AUTH_FAILED');
};

describe('AuthAttempts', () => {
  let clock: FakeClock;
  let store: InMemoryRateLimitStore;
  let attempts: AuthAttempts;

  const attemptsOver = (over: RateLimitStore, rateLimit?: Partial<RateLimitOptions>) =>
    new AuthAttempts(
      resolvedOptions({
        auth: { validateToken: () => null, attempts: { rate: 1, per: 1_000, burst: BURST } },
      }),
      new RateLimiter(over, resolvedOptions({ rateLimit }), new FakeClock()),
    );

  beforeEach(() => {
    clock = new FakeClock();
    store = new InMemoryRateLimitStore(1_000, clock);
    attempts = attemptsOver(store);
  });

  const failTimes = (times: number, subject: { address: string; user?: string } = home) =>
    Array.from({ length: times }, () => refusalOf(() => attempts.attempt(subject, fail)));

  it('lets as many attempts fail as the burst, then refuses without a check', () => {
    expect(failTimes(BURST)).toEqual(Array(BURST).fill('AUTH_FAILED'));
    let checks = 0;
    expect(refusalOf(() => attempts.attempt(home, () => ++checks))).toBe('RATE_LIMITED');
    expect(checks).toBe(0);
  });

  it('tells when to come again, and lets pass then', () => {
    failTimes(BURST);
    expect(() => attempts.attempt(home, fail)).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', retryAfter: 1_000 }),
    );
    clock.advance(1_000);
    expect(attempts.attempt(home, () => 'in')).toBe('in');
  });

  it('costs nothing to succeed, however often', () => {
    for (let attempt = 0; attempt < 100; attempt++)
      expect(attempts.attempt(home, () => 'in')).toBe('in');
    expect(failTimes(BURST)).toEqual(Array(BURST).fill('AUTH_FAILED'));
  });

  it.each([undefined, null, false])('takes %p for a failure', nothing => {
    for (let attempt = 0; attempt < BURST; attempt++)
      expect(attempts.attempt(home, () => nothing)).toBe(nothing);
    expect(refusalOf(() => attempts.attempt(home, () => 'in'))).toBe('RATE_LIMITED');
  });

  it('takes a rejection for a failure, and an answer that comes later for a success', async () => {
    for (let attempt = 0; attempt < 10; attempt++)
      expect(await attempts.attempt(home, () => Promise.resolve('in'))).toBe('in');
    for (let attempt = 0; attempt < BURST; attempt++)
      await expect(
        attempts.attempt(home, () => Promise.reject(new RefusalError('AUTH_FAILED'))),
      ).rejects.toThrow();
    expect(refusalOf(() => attempts.attempt(home, () => 'in'))).toBe('RATE_LIMITED');
  });

  it('charges before the check is done: guesses at once are no more than guesses in turn', async () => {
    const checks = Array.from({ length: 50 }, async () =>
      attempts.attempt(home, () => Promise.reject(new RefusalError('AUTH_FAILED'))),
    );
    const codes = (await Promise.allSettled(checks)).map(
      result => ((result as PromiseRejectedResult).reason as RefusalError).code,
    );
    expect(codes.filter(code => code === 'AUTH_FAILED')).toHaveLength(BURST);
    expect(codes.filter(code => code === 'RATE_LIMITED')).toHaveLength(50 - BURST);
  });

  it('refuses nobody because many come at once whose checks take their time', async () => {
    const checks = Array.from({ length: 100 }, async (_, client) =>
      attempts.attempt(home, async () => {
        await new Promise(resolve => setImmediate(resolve));
        return client;
      }),
    );
    expect(await Promise.all(checks)).toEqual(Array.from({ length: 100 }, (_, client) => client));
  });

  it('bounds how many wait for the checks of others', async () => {
    let finish: (user: string) => void = () => undefined;
    const slow = new Promise<string>(resolve => (finish = resolve));
    const results = Array.from({ length: BURST + 1_001 }, async () =>
      attempts.attempt(home, () => slow),
    );
    await expect(results.at(-1)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    finish('in');
    expect(new Set(await Promise.all(results.slice(0, -1)))).toEqual(new Set(['in']));
  });

  it('counts a user tried from many addresses', () => {
    for (let host = 1; host <= BURST; host++)
      failTimes(1, { address: `198.51.100.${host}`, user: 'alice' });
    const elsewhere = { address: '203.0.113.9', user: 'alice' };
    expect(failTimes(1, elsewhere)).toEqual(['RATE_LIMITED']);
    expect(failTimes(1, { ...elsewhere, user: 'bob' })).toEqual(['AUTH_FAILED']);
  });

  it('counts an address that tries many users, and leaves those alone from then on', () => {
    for (let user = 0; user < 20; user++) failTimes(1, { ...home, user: `user-${user}` });
    expect(failTimes(1, { ...home, user: 'new' })).toEqual(['RATE_LIMITED']);
    expect(failTimes(BURST, { address: '203.0.113.9', user: 'user-19' })).toEqual(
      Array(BURST).fill('AUTH_FAILED'),
    );
  });

  it('counts a whole /64 as one address', () => {
    for (let host = 1; host <= BURST; host++) failTimes(1, { address: `2001:db8::${host}` });
    expect(failTimes(1, { address: '2001:db8::ffff' })).toEqual(['RATE_LIMITED']);
    expect(failTimes(1, { address: '2001:db8:0:1::1' })).toEqual(['AUTH_FAILED']);
  });

  it('takes a name of any length and content without keeping it', () => {
    failTimes(BURST, { ...home, user: 'x'.repeat(1_000_000) });
    expect(store.size).toBe(2);
  });

  describe('over a store that answers later', () => {
    class LaterStore extends RateLimitStore {
      refunds = 0;

      async take(key: string, bucket: TokenBucket, cost: number): Promise<RateLimitDecision> {
        return Promise.resolve(store.take(key, bucket, cost));
      }

      refund(): Promise<void> {
        this.refunds++;
        return Promise.reject(new Error('store is down'));
      }
    }

    it('refuses nobody who comes with many others', async () => {
      class SlowStore extends RateLimitStore {
        take = (...request: Parameters<RateLimitStore['take']>) =>
          Promise.resolve(store.take(...request));

        refund = async (...request: Parameters<RateLimitStore['refund']>) => {
          await Promise.resolve();
          store.refund(...request);
        };
      }
      attempts = attemptsOver(new SlowStore());
      const all = Array.from({ length: 100 }, async () => attempts.attempt(home, () => 'in'));
      expect(new Set(await Promise.all(all))).toEqual(new Set(['in']));
      expect(store.size).toBe(0);
    });

    it.each(['local', 'allow'] as const)(
      'costs nothing to succeed while the store is away and the policy is %s',
      async onStoreError => {
        class AwayStore extends RateLimitStore {
          take = () => Promise.reject(new Error('store is down'));
          refund = () => Promise.reject(new Error('store is down'));
        }
        jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
        attempts = attemptsOver(new AwayStore(), { onStoreError });
        for (let attempt = 0; attempt < 3 * BURST; attempt++)
          expect(await attempts.attempt(home, () => 'in')).toBe('in');
      },
    );

    it('does not refuse the good because the store throws', () => {
      class ThrowingStore extends RateLimitStore {
        take = (...request: Parameters<RateLimitStore['take']>) => store.take(...request);
        refund = () => {
          throw new Error('store is down');
        };
      }
      jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      attempts = attemptsOver(new ThrowingStore(), { onStoreError: 'deny' });
      expect(attempts.attempt(home, () => 'in')).toBe('in');
    });

    it('refuses by rejecting, and does not refuse the good because the store fails', async () => {
      const later = new LaterStore();
      attempts = attemptsOver(later);
      for (let attempt = 0; attempt < BURST; attempt++)
        expect(await attempts.attempt(home, () => 'in')).toBe('in');
      expect(later.refunds).toBe(BURST);
      await expect(attempts.attempt(home, () => 'in')).rejects.toMatchObject({
        code: 'RATE_LIMITED',
      });
    });
  });
});
