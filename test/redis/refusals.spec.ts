import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { tokenBucket } from '../../lib/rate-limit/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { StoreOutage } from '../../lib/store-outage.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const BUCKET = tokenBucket({ rate: 1_000 });
const OFTEN = 60;

describeWithRedis('a Redis that answers with errors', () => {
  let server: RedisServer;
  let admin: Redis;
  let stores: RedisStores;
  let logged: string[];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(async () => {
    logged = [];
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => logged.push(String(text)));
    stores = redisStores({ url: server.url, commandTimeout: 2_000, clockDrift: 20 });
    await stores.ready();
  });

  afterEach(async () => {
    await stores.close();
  });

  afterAll(async () => {
    await server.close();
  });

  const use = () => stores.nonceStore.use(`n-${Math.random()}`, Date.now() + 60_000);
  /** Calls again and again, and counts how often it succeeds. */
  const hammer = async (ask: () => unknown) => {
    let granted = 0;
    for (let attempt = 0; attempt < OFTEN; attempt++) {
      await Promise.resolve()
        .then(ask)
        .then(
          () => granted++,
          () => undefined,
        );
      await pause(5);
    }
    return granted;
  };

  it('for every script is down, is logged once, and recovers', async () => {
    await admin.acl('SETUSER', 'default', '-@scripting');
    expect(await hammer(use)).toBe(0);
    expect(stores.health().status).toBe('down');
    expect(logged).toEqual([expect.stringContaining('Redis does not answer: NOPERM')]);
    await admin.acl('SETUSER', 'default', '+@scripting');
    await eventually(() => stores.health().status === 'up');
    expect(await use()).toBe(true);
    expect(logged.slice(1)).toEqual(['Redis is back']);
  });

  it('for one command affects only what needs it', async () => {
    await admin.acl('SETUSER', 'default', '-zscore');
    const acquire = () => stores.connectionStore.acquire([{ key: 'all', limit: 9 }]);
    expect(await hammer(() => acquire().catch(() => use()))).toBe(OFTEN);
    await expect(acquire()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(stores.health().status).toBe('up');
    expect(logged).toEqual([]);
    await admin.acl('SETUSER', 'default', '+zscore');
    expect(await acquire()).toBeUndefined();
  });

  it('for full scripts, and has flushed its scripts, rejects every call of a turn', async () => {
    await admin.acl('SETUSER', 'default', '-eval');
    await admin.script('FLUSH');
    const calls = await Promise.allSettled(
      Array.from({ length: 5 }, () => stores.connectionStore.count('all')),
    );
    for (const call of calls)
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'REDIS_UNAVAILABLE' } });
    await admin.acl('SETUSER', 'default', '+eval');
    await eventually(async () => use().catch(() => false));
  });

  it('because its memory is full is not an outage, however often there is room for a moment', async () => {
    const outage = new StoreOutage('rate limits', 'local', new SystemClock());
    let isFull = false;
    await hammer(async () => {
      isFull = !isFull;
      await admin.config('SET', 'maxmemory', isFull ? '1' : '0');
      const answers = await Promise.allSettled([
        use(),
        outage.during(async () => stores.rateLimitStore.take('key', BUCKET, 1), {
          allow: () => undefined as never,
          local: () => undefined as never,
        }),
      ]);
      expect(answers[0].status).toBe(isFull ? 'rejected' : 'fulfilled');
      if (answers[0].status === 'rejected')
        expect(answers[0].reason).toMatchObject({ code: 'UNAVAILABLE' });
    });
    await admin.config('SET', 'maxmemory', '0');
    expect(stores.health().status).toBe('up');
    expect(logged.filter(line => line.includes('Redis does not answer'))).toEqual([]);
    expect(logged.length).toBeLessThanOrEqual(12);
  });

  it('recovers from an outage although its memory is full', async () => {
    await admin.config('SET', 'maxmemory', '1');
    server.stop();
    await expect(use()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(stores.health().status).toBe('down');
    server.cont();
    await eventually(() => stores.health().status === 'up');
    await admin.config('SET', 'maxmemory', '0');
    expect(await use()).toBe(true);
  });

  it('for revocations is logged once, and delivers them once it accepts them', async () => {
    const other = redisStores({ url: server.url, clockDrift: 20, commandTimeout: 5_000 });
    await other.ready();
    const received: string[] = [];
    other.revocationBus.subscribe(({ id }) => received.push(id));
    await admin.acl('SETUSER', 'default', '-xadd');
    const revoke = (id: string) => {
      stores.revocationBus.publish({ kind: 'user', id, code: 'REVOKED', at: Date.now() });
    };
    for (let user = 0; user < 5; user++) {
      revoke(`user-${user}`);
      await pause(20);
    }
    expect(logged).toEqual([expect.stringContaining('Log-outs do not reach the other nodes')]);
    await admin.acl('SETUSER', 'default', '+xadd');
    revoke('last');
    await eventually(() => received.length === 6 && logged.length > 1);
    expect(logged.slice(1)).toEqual(['Log-outs reach the other nodes again']);
    await other.close();
  });
});
