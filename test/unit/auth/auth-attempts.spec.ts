import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AttemptSubject } from '../../../lib/auth/auth-attempts.js';
import { AuthAttempts } from '../../../lib/auth/index.js';
import type { SecurityEvents } from '../../../lib/monitoring/index.js';
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

  it('allows as many failures as the burst, then rejects without running the check', () => {
    expect(failTimes(BURST)).toEqual(Array(BURST).fill('AUTH_FAILED'));
    let checks = 0;
    expect(refusalOf(() => attempts.attempt(home, () => ++checks))).toBe('RATE_LIMITED');
    expect(checks).toBe(0);
  });

  it('rejects with the time until the next attempt, and allows an attempt then', () => {
    failTimes(BURST);
    expect(() => attempts.attempt(home, fail)).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', retryAfter: 1_000 }),
    );
    clock.advance(1_000);
    expect(attempts.attempt(home, () => 'in')).toBe('in');
  });

  it('does not charge successful attempts', () => {
    for (let attempt = 0; attempt < 100; attempt++)
      expect(attempts.attempt(home, () => 'in')).toBe('in');
    expect(failTimes(BURST)).toEqual(Array(BURST).fill('AUTH_FAILED'));
  });

  it.each([undefined, null, false])('counts %p as a failure', nothing => {
    for (let attempt = 0; attempt < BURST; attempt++)
      expect(attempts.attempt(home, () => nothing)).toBe(nothing);
    expect(refusalOf(() => attempts.attempt(home, () => 'in'))).toBe('RATE_LIMITED');
  });

  it('counts a rejected promise as a failure, and a resolved one as a success', async () => {
    for (let attempt = 0; attempt < 10; attempt++)
      expect(await attempts.attempt(home, () => Promise.resolve('in'))).toBe('in');
    for (let attempt = 0; attempt < BURST; attempt++)
      await expect(
        attempts.attempt(home, () => Promise.reject(new RefusalError('AUTH_FAILED'))),
      ).rejects.toThrow();
    expect(refusalOf(() => attempts.attempt(home, () => 'in'))).toBe('RATE_LIMITED');
  });

  it('charges before the check is done, so that concurrent guesses are limited like sequential ones', async () => {
    const checks = Array.from({ length: 50 }, async () =>
      attempts.attempt(home, () => Promise.reject(new RefusalError('AUTH_FAILED'))),
    );
    const codes = (await Promise.allSettled(checks)).map(
      result => ((result as PromiseRejectedResult).reason as RefusalError).code,
    );
    expect(codes.filter(code => code === 'AUTH_FAILED')).toHaveLength(BURST);
    expect(codes.filter(code => code === 'RATE_LIMITED')).toHaveLength(50 - BURST);
  });

  it('does not reject concurrent valid attempts while their checks are pending', async () => {
    const checks = Array.from({ length: 100 }, async (_, client) =>
      attempts.attempt(home, async () => {
        await new Promise(resolve => setImmediate(resolve));
        return client;
      }),
    );
    expect(await Promise.all(checks)).toEqual(Array.from({ length: 100 }, (_, client) => client));
  });

  it('limits how many attempts wait for pending checks', async () => {
    let finish: (user: string) => void = () => undefined;
    const slow = new Promise<string>(resolve => (finish = resolve));
    const results = Array.from({ length: BURST + 1_001 }, async () =>
      attempts.attempt(home, () => slow),
    );
    await expect(results.at(-1)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    finish('in');
    expect(new Set(await Promise.all(results.slice(0, -1)))).toEqual(new Set(['in']));
  });

  it('limits failures for a user, whatever the addresses', () => {
    for (let host = 1; host <= BURST; host++)
      failTimes(1, { address: `198.51.100.${host}`, user: 'alice' });
    const elsewhere = { address: '203.0.113.9', user: 'alice' };
    expect(failTimes(1, elsewhere)).toEqual(['RATE_LIMITED']);
    expect(failTimes(1, { ...elsewhere, user: 'bob' })).toEqual(['AUTH_FAILED']);
  });

  it('limits an address that tries many users, and does not charge those users from then on', () => {
    for (let user = 0; user < 20; user++) failTimes(1, { ...home, user: `user-${user}` });
    expect(failTimes(1, { ...home, user: 'new' })).toEqual(['RATE_LIMITED']);
    expect(failTimes(BURST, { address: '203.0.113.9', user: 'user-19' })).toEqual(
      Array(BURST).fill('AUTH_FAILED'),
    );
  });

  it('counts all addresses of a /64 as one', () => {
    for (let host = 1; host <= BURST; host++) failTimes(1, { address: `2001:db8::${host}` });
    expect(failTimes(1, { address: '2001:db8::ffff' })).toEqual(['RATE_LIMITED']);
    expect(failTimes(1, { address: '2001:db8:0:1::1' })).toEqual(['AUTH_FAILED']);
  });

  it('accepts a user name of any length without storing it', () => {
    failTimes(BURST, { ...home, user: 'x'.repeat(1_000_000) });
    expect(store.size).toBe(2);
  });

  it('allows a /56 four times and a /48 sixteen times the limit of an address', () => {
    const sub = (n: number) => ({ address: `2001:db8:0:${n.toString(16)}::1` });
    const failedFrom = (networks: number[]) =>
      networks.flatMap(n => failTimes(BURST, sub(n))).filter(code => code === 'AUTH_FAILED').length;
    const numbers = (count: number, step: number) =>
      Array.from({ length: count }, (_, n) => n * step);
    expect(failedFrom(numbers(10, 1))).toBe(4 * BURST);
    expect(failedFrom(numbers(50, 0x100))).toBe(12 * BURST);
    expect(failTimes(1, { address: '2001:db8:1::1' })).toEqual(['AUTH_FAILED']);
  });

  it('refunds the tokens of a check that was unavailable', () => {
    const away = () => {
      throw new RefusalError('UNAVAILABLE');
    };
    for (let attempt = 0; attempt < 3 * BURST; attempt++)
      expect(refusalOf(() => attempts.attempt(home, away))).toBe('UNAVAILABLE');
    expect(store.size).toBe(0);
  });

  it('limits how many user names one address can fill the store with', () => {
    const limited = new AuthAttempts(
      resolvedOptions({
        auth: { validateToken: () => null, attempts: { rate: 1, per: 1e6, burst: 100 } },
      }),
      new RateLimiter(store, resolvedOptions({ rateLimit: { maxKeys: 90 } }), clock),
    );
    const codes = Array.from({ length: 20 }, (_, n) =>
      refusalOf(() => limited.attempt({ ...home, user: `made-up-${n}` }, fail)),
    );
    expect(codes.filter(code => code === 'AUTH_FAILED')).toHaveLength(10);
    const elsewhere = { address: '203.0.113.9', user: 'alice' };
    expect(refusalOf(() => limited.attempt(elsewhere, fail))).toBe('AUTH_FAILED');
  });

  describe('verify', () => {
    const verifyTimes = (times: number, check: () => unknown = fail) =>
      Array.from({ length: times }, () => refusalOf(() => attempts.verify(home, check)));

    it('always accepts valid credentials, however often others have failed', async () => {
      expect(verifyTimes(BURST + 2)).toEqual([
        ...Array<string>(BURST).fill('AUTH_FAILED'),
        'RATE_LIMITED',
        'RATE_LIMITED',
      ]);
      expect(attempts.verify(home, () => 'in')).toBe('in');
      expect(await attempts.verify(home, () => Promise.resolve('in'))).toBe('in');
    });

    it('adds the time until the next attempt to a rejection', async () => {
      verifyTimes(BURST);
      const later = { code: 'RATE_LIMITED', retryAfter: 1_000 };
      expect(() => attempts.verify(home, fail)).toThrow(expect.objectContaining(later));
      const rejected = attempts.verify(home, () => Promise.reject(new RefusalError('AUTH_FAILED')));
      await expect(rejected).rejects.toMatchObject(later);
    });

    it('does not share a bucket with attempt()', () => {
      verifyTimes(BURST + 1);
      expect(failTimes(1)).toEqual(['AUTH_FAILED']);
    });

    it('does not count an outage', () => {
      const away = () => {
        throw new RefusalError('UNAVAILABLE');
      };
      expect(verifyTimes(3 * BURST, away)).toEqual(Array(3 * BURST).fill('UNAVAILABLE'));
      expect(store.size).toBe(0);
    });

    it('rejects with the error of the check if the store cannot count it', async () => {
      class AwayStore extends RateLimitStore {
        take = () => Promise.reject(new Error('store is down'));
        refund = () => Promise.reject(new Error('store is down'));
      }
      jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      attempts = attemptsOver(new AwayStore(), { onStoreError: 'deny' });
      await expect(attempts.verify(home, fail)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    });
  });

  describe('reports to the security log', () => {
    const reportsOf = (
      act: (reporting: AuthAttempts) => void,
      over: RateLimitStore = store,
      rateLimit?: Partial<RateLimitOptions>,
    ) => {
      const reports: unknown[] = [];
      const events = {
        attemptFailed: (subject: AttemptSubject, reason: string) => reports.push([subject, reason]),
        attemptsExhausted: (subject: AttemptSubject) => reports.push([subject]),
      } as unknown as SecurityEvents;
      const reporting = new AuthAttempts(
        resolvedOptions({
          auth: { validateToken: () => null, attempts: { rate: 1, per: 1_000, burst: BURST } },
        }),
        new RateLimiter(over, resolvedOptions({ rateLimit }), new FakeClock()),
        events,
      );
      act(reporting);
      return reports;
    };
    const throwing = (error: Error) => () => {
      throw error;
    };
    const tryTo = (action: () => unknown) => {
      try {
        action();
      } catch (error) {
        return error;
      }
      return undefined;
    };

    it.each(['attempt', 'verify'] as const)('failures of %s, with their reasons', method => {
      const reports = reportsOf(reporting => {
        for (const error of [
          new RefusalError('AUTH_FAILED', { reason: 'expired' }),
          new RefusalError('UNAVAILABLE', { reason: 'down' }),
          new TypeError('canary'),
        ])
          expect(tryTo(() => reporting[method](home, throwing(error)))).toBe(error);
      });
      expect(reports).toEqual([
        [home, 'expired'],
        [home, 'TypeError was thrown'],
      ]);
    });

    it.each([undefined, null, false])('a check that returns %p', result => {
      expect(reportsOf(reporting => void reporting.attempt(home, () => result))).toEqual([
        [home, `the check returned ${String(result)}`],
      ]);
    });

    it('no used-up attempts if the store is down', () => {
      class AwayStore extends RateLimitStore {
        take = () => {
          throw new Error('store is down');
        };
        refund = () => undefined;
      }
      jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      const act = (reporting: AuthAttempts) => {
        expect(tryTo(() => reporting.attempt(home, () => 'in'))).toMatchObject({
          code: 'UNAVAILABLE',
        });
      };
      expect(reportsOf(act, new AwayStore(), { onStoreError: 'deny' })).toEqual([]);
    });

    it.each(['attempt', 'verify'] as const)('used-up attempts of %s, once each', method => {
      const reports = reportsOf(reporting => {
        for (let failed = 0; failed < BURST; failed++)
          tryTo(() => reporting[method](home, throwing(new RefusalError('AUTH_FAILED'))));
        expect(
          tryTo(() => reporting[method](home, throwing(new RefusalError('AUTH_FAILED')))),
        ).toMatchObject({
          code: 'RATE_LIMITED',
          reason: 'too many failed attempts (auth.attempts)',
        });
      });
      expect(reports).toHaveLength(BURST + 1);
      expect(reports.at(-1)).toEqual([home]);
    });
  });

  it('gives a kind of guess its own buckets, with as many times the tokens as its factor', () => {
    const kind = { name: 'ticket:', factor: 2 };
    const outcomes = (user?: string) =>
      Array.from({ length: 2 * BURST + 1 }, () =>
        refusalOf(() => attempts.attempt({ address: '203.0.113.9', user }, fail, kind)),
      );
    expect(outcomes()).toEqual([...Array<string>(2 * BURST).fill('AUTH_FAILED'), 'RATE_LIMITED']);
    expect(refusalOf(() => attempts.attempt({ address: '203.0.113.9' }, fail))).toBe('AUTH_FAILED');
  });

  describe('with an asynchronous store', () => {
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

    it('does not reject concurrent valid attempts', async () => {
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
      'does not charge successful attempts while the store is down and the policy is %s',
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

    it('does not reject a valid attempt if the store throws', () => {
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

    it('returns the result of a check when its tokens are back, not before', async () => {
      let refunded: () => void = () => undefined;
      class PendingStore extends RateLimitStore {
        take = (...request: Parameters<RateLimitStore['take']>) => store.take(...request);
        refund = () => new Promise<void>(resolve => (refunded = resolve));
      }
      attempts = attemptsOver(new PendingStore());
      const steps: string[] = [];
      const attempt = Promise.resolve(attempts.attempt(home, () => 'in')).then(result =>
        steps.push(result),
      );
      await new Promise(setImmediate);
      steps.push('refunded');
      refunded();
      await attempt;
      expect(steps).toEqual(['refunded', 'in']);
    });

    it('rejects asynchronously over the limit, and does not reject a valid attempt if the refund fails', async () => {
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
