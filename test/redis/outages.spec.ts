import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { tokenBucket } from '../../lib/rate-limit/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';

const BUCKET = tokenBucket({ rate: 1_000 });
const UNAVAILABLE = expect.objectContaining({ code: 'REDIS_UNAVAILABLE' });
/** Allows for a busy machine: Redis rarely has a processor of its own. */
const BUSY = 3_000;
const TIMEOUT = 1_000;
const SETTLE = 1_000;
const soon = () => Date.now() + 60_000;

describeWithRedis('during an outage of Redis', () => {
  let server: RedisServer;
  let open: RedisStores[];
  let logged: string[];
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);

  beforeAll(() => {
    process.on('unhandledRejection', note);
  });

  beforeEach(async () => {
    logged = [];
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => logged.push(String(text)));
    server = await RedisServer.start();
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map(stores => stores.close()));
    await server.close();
    expect(unhandled).toEqual([]);
  });

  afterAll(() => {
    process.off('unhandledRejection', note);
    jest.restoreAllMocks();
  });

  const node = (options = {}) => {
    const tuning = { commandTimeout: TIMEOUT, clockDrift: SETTLE, lease: 2_000 };
    const stores = redisStores({ url: server.url, ...tuning, ...options });
    open.push(stores);
    return stores;
  };
  const warm = async (options = {}) => {
    const stores = node(options);
    await stores.nonceStore.use(`warm-${open.length}`, soon());
    return stores;
  };
  const callAll = (stores: RedisStores) =>
    [
      () => stores.nonceStore.use(`n-${Math.random()}`, soon()),
      () => stores.rateLimitStore.take('key', BUCKET, 1),
      () => stores.rateLimitStore.refund('key', BUCKET, 1),
      () => stores.connectionStore.acquire([{ key: 'all', limit: 9 }]),
      () => stores.connectionStore.count('all'),
    ].map(async ask => ask());
  /** Measures how long it takes until nonces can be used again. */
  const recovery = async (...nodes: RedisStores[]) => {
    const elapsed = stopwatch();
    for (const { nonceStore } of nodes)
      for (;;) {
        if (await nonceStore.use(`r-${Math.random()}`, soon()).catch(() => false)) break;
        expect(elapsed()).toBeLessThan(20_000);
        await pause(20);
      }
    return elapsed();
  };

  it('every store rejects in time, and recovers without a restart', async () => {
    const stores = await warm();
    const { since } = stores.health();
    server.stop();
    const elapsed = stopwatch();
    for (const answer of await Promise.allSettled(callAll(stores)))
      expect(answer).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    expect(elapsed()).toBeLessThan(3 * TIMEOUT);
    expect(stores.health()).toMatchObject({ status: 'down' });
    expect(stores.health().since).toBeGreaterThan(since);
    server.cont();
    expect(await recovery(stores)).toBeLessThan(2_000 + BUSY);
    await Promise.all(callAll(stores));
    expect(stores.health().status).toBe('up');
  });

  it('no command is queued, so that nothing runs late', async () => {
    const stores = await warm();
    const admin = server.client();
    await admin.ping();
    server.stop();
    await Promise.allSettled(callAll(stores));
    const elapsed = stopwatch();
    for (let flood = 0; flood < 1_000; flood++)
      await expect(stores.nonceStore.use(`late-${flood}`, soon())).rejects.toEqual(UNAVAILABLE);
    // One queued command would take as long as all of them may.
    expect(elapsed()).toBeLessThan(10 * TIMEOUT);
    await pause(3 * TIMEOUT);
    server.cont();
    await recovery(stores);
    expect(await admin.keys('*late*')).toEqual([]);
  });

  it('the beginning and the end are logged once', async () => {
    const stores = await warm();
    for (let outage = 0; outage < 2; outage++) {
      await server.kill();
      for (let event = 0; event < 20; event++) await Promise.allSettled(callAll(stores));
      await server.restart();
      await recovery(stores);
    }
    const lines = logged.filter(line => line.includes('Redis'));
    expect(lines).toHaveLength(4);
    expect(lines.filter(line => line.startsWith('Redis does not answer'))).toHaveLength(2);
    expect(lines.filter(line => line === 'Redis is back')).toHaveLength(2);
  });

  it('accepts no nonce twice, on any node, when it is killed and restarts empty', async () => {
    const nodes = [await warm(), await warm(), await warm()];
    const names = Array.from({ length: 900 }, (_, index) => `nonce-${index}`);
    await pause(SETTLE + 10);
    const madeAt = Date.now();
    const nodeOf = (index: number) => nodes[index % 3]!.nonceStore;
    const passed = new Map<string, number>();
    const use = async (name: string, index: number) => {
      if (
        await nodeOf(index)
          .use(name, soon(), madeAt)
          .catch(() => false)
      )
        passed.set(name, (passed.get(name) ?? 0) + 1);
    };
    await Promise.all(names.map(use));
    expect(passed.size).toBe(900);
    await server.kill();
    await server.restart();
    // A client that retries all the time on alternating nodes finds no moment at which one is
    // accepted again.
    const start = performance.now();
    for (let shift = 1; performance.now() - start < 2_000; shift++) {
      await Promise.all(names.map((name, index) => use(name, index + shift)));
      await pause(10);
    }
    expect([...passed.values()].every(times => times === 1)).toBe(true);
    expect(await recovery(...nodes)).toBeLessThan(2_000 + BUSY);
  });

  it('recovers within 2 s after Redis restarts empty', async () => {
    const nodes = [await warm({ clockDrift: undefined }), await warm({ clockDrift: undefined })];
    await server.kill();
    await server.restart();
    expect(await recovery(...nodes)).toBeLessThan(2_000 + BUSY);
  });

  it('accepts a nonce once again whose first answer came too late', async () => {
    const [a, b] = [await warm(), await warm()];
    await pause(SETTLE + 10);
    const [again, elsewhere] = [Date.now(), Date.now()];
    const use = ({ nonceStore }: RedisStores, name: string, madeAt: number) =>
      nonceStore.use(name, madeAt + 60_000, madeAt);
    server.stop();
    const late = [use(a, 'again', again), use(a, 'elsewhere', elsewhere)];
    for (const answer of await Promise.allSettled(late)) expect(answer.status).toBe('rejected');
    server.cont();
    await eventually(() => a.health().status === 'up');
    expect(await use(a, 'again', again)).toBe(true);
    expect(await use(a, 'again', again)).toBe(false);
    // Another node accepts it as soon as the first one has released it.
    await eventually(() => use(b, 'elsewhere', elsewhere), 5_000);
    expect(await use(a, 'elsewhere', elsewhere)).toBe(false);
  });

  it('connects once Redis is up if it was down at the start', async () => {
    await server.kill();
    const stores = node();
    await expect(stores.nonceStore.use('nonce', soon())).rejects.toEqual(UNAVAILABLE);
    expect(stores.health().status).toBe('down');
    await server.restart();
    await recovery(stores);
    expect(await stores.nonceStore.use('nonce', soon())).toBe(true);
  });

  it('rejects nonces like a full store if Redis has no memory left', async () => {
    const stores = await warm();
    await server.client().config('SET', 'maxmemory', '1');
    await expect(stores.nonceStore.use('nonce', soon())).rejects.toEqual(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    await server.client().config('SET', 'maxmemory', '0');
    await recovery(stores);
    expect(await stores.nonceStore.use('nonce', soon())).toBe(true);
  });

  it('counts the connections of a node again after the recovery', async () => {
    const stores = await warm();
    for (let made = 0; made < 5; made++)
      await stores.connectionStore.acquire([{ key: 'all', limit: 9 }]);
    await server.kill();
    await stores.connectionStore.release(['all']).catch(() => undefined);
    await server.restart();
    const other = await warm();
    let counted = -1;
    for (let look = 0; look < 500 && counted !== 4; look++) {
      counted = await other.connectionStore.count('all').catch(() => -1);
      await pause(20);
    }
    expect(counted).toBe(4);
  });

  it("keeps the application's client open, and detects its outages", async () => {
    const client = server.client();
    const stores = await warm({ url: undefined, client });
    await server.kill();
    await eventually(() => stores.health().status === 'down');
    await server.restart();
    await recovery(stores);
    const listeners = ['ready', 'close', 'end', 'error'].map(name => client.listenerCount(name));
    await stores.close();
    expect(await client.ping()).toBe('PONG');
    expect(listeners[3]).toBe(client.listenerCount('error'));
    await expect(stores.nonceStore.use('nonce', soon())).rejects.toEqual(UNAVAILABLE);
  });

  it('warns if Redis may evict nonces', async () => {
    const admin = server.client();
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await warm();
    expect(logged.join()).not.toContain('evict');
    await admin.config('SET', 'maxmemory', '100mb');
    await warm();
    expect(logged.filter(line => line.includes('allkeys-lru'))).toHaveLength(1);
  });

  it('closes in time', async () => {
    const stores = await warm();
    await stores.connectionStore.acquire([{ key: 'all', limit: 9 }]);
    server.stop();
    const elapsed = stopwatch();
    await Promise.all([stores.close(), stores.close()]);
    expect(elapsed()).toBeLessThan(3 * TIMEOUT);
  });
});
