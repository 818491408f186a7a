import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import {
  InMemoryRateLimitStore,
  RateLimiter,
  type TokenBucketOptions,
} from '../../../lib/rate-limit/index.js';
import { FakeServer, RemoteRateLimitStore } from '../../helpers/failing-stores.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

describe('RateLimiter', () => {
  let clock: FakeClock;
  let store: InMemoryRateLimitStore;
  let limiter: RateLimiter;

  beforeEach(() => {
    clock = new FakeClock();
    store = new InMemoryRateLimitStore(100, clock);
    limiter = new RateLimiter(store, resolvedOptions(), new FakeClock());
  });

  it('allows the burst of a key, then its rate', async () => {
    const limit = { rate: 2, burst: 3 };
    const outcomes: boolean[] = [];
    for (const wait of [0, 0, 0, 0, 500, 0]) {
      clock.advance(wait);
      outcomes.push((await limiter.take('key', limit)).allowed);
    }
    expect(outcomes).toEqual([true, true, true, false, true, false]);
  });

  it.each([0, -1, -Infinity, NaN, Infinity, 3.5, 4])(
    'throws a config error for a cost of %d, and charges nothing',
    async cost => {
      const limit = { rate: 1, burst: 3 };
      expect(() => limiter.take('key', limit, cost)).toThrow(SemanticEventsConfigError);
      expect(await limiter.take('key', limit)).toMatchObject({ remaining: 2 });
    },
  );

  it.each([1, 2, 3, 0.5])('accepts a cost of %d', async cost => {
    expect(await limiter.take('key', { rate: 1, burst: 3 }, cost)).toMatchObject({
      allowed: true,
      resetAfter: cost * 1000,
    });
  });

  it.each<[string, object, number]>([
    ['no rate', {}, 1],
    ['a rate of 0', { rate: 0 }, 1],
    ['a negative rate', { rate: -1 }, 1],
    ['a rate that is NaN', { rate: NaN }, 1],
    ['an endless rate', { rate: Infinity }, 1],
    ['a rate that is text', { rate: '5' }, 1],
    ['a burst that takes forever to fill', { rate: 1e-304, burst: 1_000 }, 1],
    ['a burst of 0', { rate: 1, burst: 0 }, 1],
    ['half a token of burst', { rate: 1, burst: 1.5 }, 1],
    ['a period of 0', { rate: 1, per: 0 }, 1],
    ['nothing right', { rate: -1, per: NaN, burst: -1 }, 3],
  ])('rejects a limit with %s, and names each problem', (_, limit, problems) => {
    expect.assertions(2);
    try {
      void limiter.take('key', limit as TokenBucketOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(SemanticEventsConfigError);
      expect((error as SemanticEventsConfigError).problems).toHaveLength(problems);
    }
  });

  it('does not share buckets between keys of one limit', async () => {
    const limit = { rate: 1 };
    expect(await limiter.take('a', limit)).toMatchObject({ allowed: true });
    expect(await limiter.take('a', limit)).toMatchObject({ allowed: false });
    expect(await limiter.take('b', limit)).toMatchObject({ allowed: true });
  });

  it('shares a bucket between two equal limit objects', async () => {
    await limiter.take('key', { rate: 1 });
    expect(await limiter.take('key', { rate: 1 })).toMatchObject({ allowed: false });
  });

  it('keeps each kind of limit in a table of its own, which no other kind can fill', async () => {
    const full = new RateLimiter(new InMemoryRateLimitStore(3, clock), resolvedOptions(), clock);
    const limit = { rate: 1 };
    for (let key = 0; key < 10; key++) await full.take(`handshakes:${key}`, limit);
    expect(await full.take('new', limit)).toMatchObject({ allowed: false });
    for (const table of ['handshakes', 'logins', 'tokens', 'handlers', 'http'] as const)
      expect(await full.take({ table, key: '1' }, limit)).toMatchObject({ allowed: true });
  });

  it('multiplies the tokens of a bucket by its factor, refilled in the same time', async () => {
    const limit = { rate: 1, burst: 2 };
    const key = { table: 'handlers', key: 'wide', factor: 4 } as const;
    expect(await limiter.take(key, limit)).toMatchObject({ remaining: 7, resetAfter: 250 });
    for (let taken = 1; taken < 8; taken++) await limiter.take(key, limit);
    expect(await limiter.take(key, limit)).toMatchObject({ allowed: false, retryAfter: 250 });
    await limiter.refund(key, limit, 3);
    expect(await limiter.take(key, limit, 3)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('does not charge further buckets once one has rejected', async () => {
    const limit = { rate: 1 };
    const keys = ['narrow', 'wide'].map(key => ({ table: 'handlers', key }) as const);
    const [narrow, wide] = keys as [(typeof keys)[0], (typeof keys)[0]];
    await limiter.take(narrow, limit);
    expect(await limiter.takeAll([narrow, wide], limit)).toMatchObject({ allowed: false });
    expect(await limiter.take(wide, limit)).toMatchObject({ allowed: true });
  });

  it('counts a made-up key until its bucket is full, and rejects an owner beyond its share', async () => {
    const small = resolvedOptions({ rateLimit: { maxKeys: 18 } });
    const shared = new RateLimiter(store, small, clock);
    const take = (owner: string, room: number) =>
      shared.take(
        { table: 'handlers', key: `${owner} ${room}`, owner },
        { rate: 1, per: 60_000, burst: 60 },
      );
    expect(await take('mallory', 0)).toMatchObject({ allowed: true });
    expect(await take('mallory', 1)).toMatchObject({ allowed: true });
    expect(await take('mallory', 2)).toMatchObject({
      allowed: false,
      retryAfter: 1_000,
      remaining: 0,
    });
    expect(await take('mallory', 1)).toMatchObject({ allowed: true });
    expect(await take('ann', 0)).toMatchObject({ allowed: true });
    clock.advance(120_001);
    expect(await take('mallory', 3)).toMatchObject({ allowed: true });
  });

  it('counts what it allowed before the store failed', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const server = new FakeServer();
    limiter = new RateLimiter(new RemoteRateLimitStore(server), resolvedOptions(), clock);
    const limit = { rate: 1, burst: 4 };
    const passes = async () => (await limiter.take('key', limit)).allowed;
    expect([await passes(), await passes(), await passes()]).toEqual([true, true, true]);
    await limiter.refund('key', limit);
    server.isDown = true;
    expect([await passes(), await passes(), await passes()]).toEqual([true, true, false]);
  });

  it('takes tokens from each bucket until one rejects', async () => {
    const limit = { rate: 1, burst: 2 };
    const keys = ['narrow', 'wide'].map(key => ({ table: 'handlers', key }) as const);
    const [narrow, wide] = keys as [(typeof keys)[0], (typeof keys)[0]];
    await limiter.take(wide, limit);
    expect(await limiter.takeAll([narrow, wide], limit)).toMatchObject({ allowed: true });
    expect(await limiter.takeAll([narrow, wide], limit)).toMatchObject({ allowed: false });
  });

  it('separates the keys of the application from its own', async () => {
    const limit = { rate: 1 };
    await limiter.take('key', limit);
    expect(await limiter.take({ table: 'application', key: 'key' }, limit)).toMatchObject({
      allowed: false,
    });
    expect(await limiter.take({ table: 'handlers', key: 'key' }, limit)).toMatchObject({
      allowed: true,
    });
  });

  it.each([255, 256, 257, 10_000])(
    'passes keys of bounded length to the store, different for different keys of %i characters',
    async length => {
      const keys: string[] = [];
      const bounded = new RateLimiter(
        {
          take: (key: string) => {
            keys.push(key);
            return { allowed: true, remaining: 0, retryAfter: 0, resetAfter: 0 };
          },
          refund: () => undefined,
        },
        resolvedOptions(),
        clock,
      );
      for (const last of 'ab') await bounded.take('k'.repeat(length - 1) + last, { rate: 1 });
      expect(new Set(keys).size).toBe(2);
      for (const key of keys) {
        expect(key).toMatch(/^application:[\w-]+$/);
        expect(key.length).toBeLessThanOrEqual('application:'.length + 256);
      }
    },
  );

  describe('while the store is down', () => {
    const limit = { rate: 1, burst: 2 };
    let server: FakeServer;
    const limiterUnder = (onStoreError: 'deny' | 'allow' | 'local') =>
      new RateLimiter(
        new RemoteRateLimitStore(server),
        resolvedOptions({ rateLimit: { onStoreError } }),
        clock,
      );

    beforeEach(() => {
      jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      server = new FakeServer();
    });

    it('accepts everything under allow', async () => {
      const open = limiterUnder('allow');
      server.isDown = true;
      for (let taken = 0; taken < 5; taken++)
        expect(await open.take('key', limit)).toEqual({
          allowed: true,
          remaining: 0,
          retryAfter: 0,
          resetAfter: 0,
        });
      await open.refund('key', limit);
    });

    it('rejects everything with UNAVAILABLE under deny', async () => {
      const closed = limiterUnder('deny');
      server.isDown = true;
      for (const call of [() => closed.take('key', limit), () => closed.refund('key', limit)])
        await expect((async () => call())()).rejects.toMatchObject({
          code: 'UNAVAILABLE',
          reason: 'the store of rate limits fails',
        });
    });

    it('does not count requests under local that the store rejected before', async () => {
      const local = limiterUnder('local');
      const store = new RemoteRateLimitStore(server);
      const one = new RateLimiter(store, resolvedOptions(), clock);
      const other = new RateLimiter(store, resolvedOptions(), clock);
      const passes = async (at: RateLimiter) => (await at.take('key', limit)).allowed;
      expect([await passes(other), await passes(other)]).toEqual([true, true]);
      expect([await passes(one), await passes(one)]).toEqual([false, false]);
      server.isDown = true;
      expect([await passes(one), await passes(one), await passes(one)]).toEqual([
        true,
        true,
        false,
      ]);
      expect(await passes(other)).toBe(false);
      await local.refund('key', limit);
    });
  });
});
