import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { OffClock } from '../helpers/redis-time.js';

const DRIFT = 100;
const MEMORY = 'semantic-events:{*}:memory';
const VOUCH = 'semantic-events:{*}:vouch';

describeWithRedis('nonces after Redis lost its data', () => {
  let server: RedisServer;
  let admin: Redis;
  let open: RedisStores[];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    await admin.flushall();
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map(stores => stores.close()));
  });

  afterAll(async () => {
    await server.close();
  });

  const running = async (options = {}) => {
    const stores = redisStores({
      url: server.url,
      clockDrift: DRIFT,
      commandTimeout: 5_000,
      ...options,
    });
    open.push(stores);
    await stores.ready();
    return stores;
  };
  /** Uses a nonce like an event of a trusted producer. */
  const use = (stores: RedisStores, nonce: string, madeAt: number, scope = 'key') =>
    stores.nonceStore
      .useNonce(scope, nonce, madeAt + 60_000, madeAt)
      .then(isNew => (isNew ? 'accepted' : 'known'))
      .catch((error: unknown) => (error as { code: string }).code);
  const keyOf = async (pattern: string) => (await admin.keys(pattern.replace('{*}', '*')))[0]!;
  const acceptsNew = async (stores: RedisStores) => {
    for (
      let tries = 0;
      (await use(stores, `new-${tries}`, Date.now(), 'new')) !== 'accepted';
      tries++
    ) {
      expect(tries).toBeLessThan(400);
      await pause(5);
    }
  };

  it('are rejected on every node if older, and accepted soon after if fresh', async () => {
    const nodes = [await running(), await running()];
    const madeAt = Date.now();
    expect(await use(nodes[0]!, 'nonce', madeAt)).toBe('accepted');
    await admin.flushall();
    for (const node of [...nodes, await running()])
      expect(await use(node, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
    for (const node of nodes) await acceptsNew(node);
  });

  it('are rejected if older, even if no node is left that knew them', async () => {
    const gone = await running();
    const madeAt = Date.now();
    expect(await use(gone, 'nonce', madeAt)).toBe('accepted');
    await gone.close();
    await admin.flushall();
    const node = await running();
    expect(await use(node, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
    expect(await use(node, 'fresh', Date.now())).toBe('accepted');
  });

  it('of events dated ahead are rejected if they may be lost, and only those of their key', async () => {
    const nodes = [await running(), await running()];
    const ahead = Date.now() + 30_000;
    expect(await use(nodes[0]!, 'nonce', ahead)).toBe('accepted');
    // The other node receives it, and is the only one left.
    await pause(700);
    await nodes[0]!.close();
    await admin.flushall();
    expect(await use(nodes[1]!, 'nonce', ahead)).toBe('EVENT_EXPIRED');
    expect(await use(nodes[1]!, 'nonce', ahead, 'other')).toBe('accepted');
    expect(await use(await running(), 'nonce', ahead)).toBe('EVENT_EXPIRED');
  });

  it('of events dated ahead are rejected after several losses, even if no node is left that accepted them', async () => {
    const madeAt = Date.now() + 30_000;
    const first = await running();
    expect(await use(first, 'ahead', madeAt)).toBe('accepted');
    await admin.flushall();
    await acceptsNew(first);
    const second = await running();
    await first.close();
    await admin.flushall();
    await acceptsNew(second);
    expect(await use(await running(), 'ahead', madeAt)).toBe('EVENT_EXPIRED');
  });

  it('are rejected if Redis returned to an older state that a node knows is outdated', async () => {
    const node = await running();
    const [old, memory] = [await admin.hgetall(await keyOf(MEMORY)), await keyOf(MEMORY)];
    const vouch = await keyOf(VOUCH);
    await admin.flushall();
    await acceptsNew(node);
    const madeAt = Date.now();
    expect(await use(node, 'nonce', madeAt)).toBe('accepted');
    await admin.flushall();
    await admin.hset(memory, old);
    await admin.set(vouch, old.token!, 'PX', 1_000);
    expect(await use(node, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
  });

  it('do not count as lost if only the vouch expired on the same server', async () => {
    const node = await running();
    const madeAt = Date.now();
    expect(await use(node, 'nonce', madeAt)).toBe('accepted');
    await admin.call('CLIENT', 'PAUSE', '1200', 'ALL');
    expect(await use(node, 'nonce', madeAt)).toBe('known');
    expect(await use(node, 'other', madeAt)).toBe('accepted');
  });

  it('count as lost if the vouch expired and Redis does not report its run id', async () => {
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-@dangerous');
    const url = server.url.replace('://', '://app:pw@');
    const [one, other] = [await running({ url }), await running({ url })];
    const madeAt = Date.now();
    expect(await use(one, 'nonce', madeAt)).toBe('accepted');
    expect(await use(other, 'nonce', madeAt)).toBe('known');
    // Like a replica that takes over without the latest nonces.
    await admin.del(await keyOf(VOUCH));
    const nonce = (await admin.keys('*:n:key:nonce'))[0]!;
    await admin.del(nonce);
    expect(await use(other, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
    await acceptsNew(one);
  });

  it('do not count as lost for a node that joins others: older events are accepted', async () => {
    const first = await running();
    await acceptsNew(first);
    const madeAt = Date.now();
    await pause(30);
    expect(await use(await running(), 'nonce', madeAt)).toBe('accepted');
  });

  it('delay the start until fresh events are accepted, or until Redis is known to be down', async () => {
    const start = performance.now();
    const node = await running({ clockDrift: 400 });
    expect(await use(node, 'nonce', Date.now())).toBe('accepted');
    expect(performance.now() - start).toBeGreaterThanOrEqual(400);
    const away = redisStores({ url: 'redis://127.0.0.1:1', commandTimeout: 100 });
    open.push(away);
    const before = performance.now();
    await away.ready();
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  it('delay the start no longer because the first node had a clock that was an hour ahead', async () => {
    await running({ clock: new OffClock(3_600_000) });
    const start = performance.now();
    await running();
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it('are not vouched for on a replica, which may lag behind', async () => {
    const replica = await RedisServer.start(['--replicaof', '127.0.0.1', `${server.port}`]);
    const copy = replica.client();
    await running();
    while (!(await copy.info('replication')).includes('master_link_status:up')) await pause(20);
    await pause(1_200);
    expect(await copy.keys('*:memory')).toHaveLength(1);
    expect(await copy.keys('*:vouch')).toEqual([]);
    await replica.close();
  });

  it('are rejected on a node whose clock is off, with an error in its health', async () => {
    const clock = new OffClock(10_000);
    const [right, wrong] = [await running(), await running({ clock })];
    for (let tries = 0; right.health().status === 'up' || wrong.health().status === 'up'; tries++) {
      expect(tries).toBeLessThan(400);
      await pause(5);
    }
    expect(wrong.health().reason).toMatch(/clock of this node is \d+ ms off/);
    expect(await use(wrong, 'nonce', clock.now())).toBe('REDIS_UNAVAILABLE');
    // The two nodes of three that agree continue.
    const third = await running();
    for (let tries = 0; right.health().status === 'down'; tries++) {
      expect(tries).toBeLessThan(800);
      await pause(5);
    }
    expect(third.health().status).toBe('up');
    expect(wrong.health().status).toBe('down');
  });
});
