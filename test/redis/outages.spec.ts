import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { tokenBucket } from '../../lib/rate-limit/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';

const BUCKET = tokenBucket({ rate: 1_000 });
const UNAVAILABLE = expect.objectContaining({ code: 'REDIS_UNAVAILABLE' });
/** What a machine may be busy with besides: Redis has a processor of its own seldom. */
const BUSY = 3_000;
const TIMEOUT = 1_000;
const SETTLE = 1_000;
const soon = () => Date.now() + 60_000;

describeWithRedis('while Redis fails', () => {
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
    const tuning = { commandTimeout: TIMEOUT, settleTime: SETTLE, lease: 2_000 };
    const stores = redisStores({ url: server.url, ...tuning, ...options });
    open.push(stores);
    return stores;
  };
  const warm = async (options = {}) => {
    const stores = node(options);
    await stores.nonceStore.use(`warm-${open.length}`, soon());
    return stores;
  };
  const asked = (stores: RedisStores) =>
    [
      () => stores.nonceStore.use(`n-${Math.random()}`, soon()),
      () => stores.rateLimitStore.take('key', BUCKET, 1),
      () => stores.rateLimitStore.refund('key', BUCKET, 1),
      () => stores.connectionStore.acquire([{ key: 'all', limit: 9 }]),
      () => stores.connectionStore.count('all'),
      () => {
        const decided = Promise.resolve(stores.rateLimitStore.take('key', BUCKET, 1));
        decided.catch(() => undefined);
        return stores.nonceStore.useNonceIf('key', `n-${Math.random()}`, soon(), {
          asked: decided,
          decided,
        });
      },
    ].map(async ask => ask());
  /** How long it takes until nonces can be used again. */
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

  it('every store says so, in time, and is back without a restart', async () => {
    const stores = await warm();
    const { since } = stores.health();
    server.stop();
    const elapsed = stopwatch();
    for (const answer of await Promise.allSettled(asked(stores)))
      expect(answer).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    expect(elapsed()).toBeLessThan(3 * TIMEOUT);
    expect(stores.health()).toMatchObject({ status: 'down' });
    expect(stores.health().since).toBeGreaterThan(since);
    server.cont();
    expect(await recovery(stores)).toBeLessThan(2_000 + BUSY);
    await Promise.all(asked(stores));
    expect(stores.health().status).toBe('up');
  });

  it('asks it no more until it answers, so that nothing is carried out late', async () => {
    const stores = await warm();
    const admin = server.client();
    await admin.ping();
    server.stop();
    await Promise.allSettled(asked(stores));
    const elapsed = stopwatch();
    for (let flood = 0; flood < 1_000; flood++)
      await expect(stores.nonceStore.use(`late-${flood}`, soon())).rejects.toEqual(UNAVAILABLE);
    // One that waited would take as long as all of them may.
    expect(elapsed()).toBeLessThan(10 * TIMEOUT);
    await pause(3 * TIMEOUT);
    server.cont();
    await recovery(stores);
    expect(await admin.keys('*late*')).toEqual([]);
  });

  it('tells the log once when it begins, and once when it ends', async () => {
    const stores = await warm();
    for (let outage = 0; outage < 2; outage++) {
      await server.kill();
      for (let event = 0; event < 20; event++) await Promise.allSettled(asked(stores));
      await server.restart();
      await recovery(stores);
    }
    const lines = logged.filter(line => line.includes('Redis'));
    expect(lines).toHaveLength(4);
    expect(lines.filter(line => line.startsWith('Redis does not answer'))).toHaveLength(2);
    expect(lines.filter(line => line === 'Redis is back')).toHaveLength(2);
  });

  it('accepts no nonce twice, on any node, when it is killed and comes back empty', async () => {
    const nodes = [await warm(), await warm(), await warm()];
    const names = Array.from({ length: 900 }, (_, index) => `nonce-${index}`);
    const nodeOf = (index: number) => nodes[index % 3]!.nonceStore;
    const passed = new Map<string, number>();
    const use = async (name: string, index: number) => {
      if (
        await nodeOf(index)
          .use(name, soon())
          .catch(() => false)
      )
        passed.set(name, (passed.get(name) ?? 0) + 1);
    };
    await Promise.all(names.map(use));
    expect(passed.size).toBe(900);
    await server.kill();
    await server.restart();
    // Whoever tries all along, on another node each time, finds no moment at which one is accepted again.
    const start = performance.now();
    for (let shift = 1; performance.now() - start < 2_000; shift++) {
      await Promise.all(names.map((name, index) => use(name, index + shift)));
      await pause(10);
    }
    expect([...passed.values()].every(times => times === 1)).toBe(true);
    expect(await recovery(...nodes)).toBeLessThan(2_000 + BUSY);
  });

  it('is back within 2 s of a Redis that comes back empty', async () => {
    const nodes = [await warm({ settleTime: undefined }), await warm({ settleTime: undefined })];
    await server.kill();
    await server.restart();
    expect(await recovery(...nodes)).toBeLessThan(2_000 + BUSY);
  });

  it('forgets nothing when it is emptied without a restart', async () => {
    const [a, b] = [await warm(), await warm()];
    await a.nonceStore.use('nonce', soon());
    await server.client().flushall();
    // Only who asks can tell: the other node is heard within the time that is left to it.
    await Promise.allSettled([a, b].map(({ nonceStore }) => nonceStore.use('new', soon())));
    await recovery(a, b);
    expect(await b.nonceStore.use('nonce', soon())).toBe(false);
  });

  it('is reached once it is there, where it was not at the start', async () => {
    await server.kill();
    const stores = node();
    await expect(stores.nonceStore.use('nonce', soon())).rejects.toEqual(UNAVAILABLE);
    expect(stores.health().status).toBe('down');
    await server.restart();
    await recovery(stores);
    expect(await stores.nonceStore.use('nonce', soon())).toBe(true);
  });

  it('refuses nonces, as a full store does, when it has no memory left', async () => {
    const stores = await warm();
    await server.client().config('SET', 'maxmemory', '1');
    await expect(stores.nonceStore.use('nonce', soon())).rejects.toEqual(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    await server.client().config('SET', 'maxmemory', '0');
    await recovery(stores);
    expect(await stores.nonceStore.use('nonce', soon())).toBe(true);
  });

  it('counts the connections of a node again when it is back', async () => {
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

  it("leaves the application's client open, and hears of its outages", async () => {
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

  it('warns of a Redis that may evict nonces', async () => {
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
