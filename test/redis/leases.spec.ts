import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';

/** Renewed three times within its duration, which must work on a busy machine. */
const LEASE = 2_000;
const CLAIM = { key: 'all', limit: 6 };

describeWithRedis('connections counted by several nodes', () => {
  let server: RedisServer;
  let admin: Redis;
  let nodes: { stores: RedisStores; client: Redis }[];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(() => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    nodes = [1, 2, 3].map(() => {
      const client = server.client();
      return { stores: redisStores({ client, lease: LEASE }), client };
    });
  });

  afterEach(async () => {
    await Promise.all(nodes.map(({ stores }) => stores.close()));
    await admin.flushall();
  });

  afterAll(async () => {
    await server.close();
  });

  const store = (node: number) => nodes[node]!.stores.connectionStore;
  const acquire = (node: number) => store(node).acquire([CLAIM]);
  const fill = async (node: number, connections: number) => {
    for (let made = 0; made < connections; made++) expect(await acquire(node)).toBeUndefined();
  };
  /** Simulates a crash: the node sends nothing more. */
  const crash = (node: number) => {
    nodes[node]!.client.disconnect();
  };

  it('share one limit: exactly the limit of 100 concurrent connections on each of three nodes', async () => {
    const attempts = Array.from({ length: 300 }, (_, index) => acquire(index % 3));
    const refusals = await Promise.all(attempts);
    expect(refusals.filter(refusal => refusal === undefined)).toHaveLength(CLAIM.limit);
    for (const node of [0, 1, 2]) expect(await store(node).count('all')).toBe(CLAIM.limit);
  });

  it('count as long as their node lives', async () => {
    await fill(0, 6);
    await pause(1.5 * LEASE);
    expect(await acquire(1)).toEqual(CLAIM);
    expect(await store(1).count('all')).toBe(6);
  });

  it('of a crashed node are released within the lease, and those of other nodes are not', async () => {
    await fill(0, 4);
    await fill(1, 2);
    crash(0);
    expect(await acquire(1)).toEqual(CLAIM);
    const elapsed = stopwatch();
    let isFree = false;
    while (!isFree) {
      isFree = (await acquire(1)) === undefined;
      expect(elapsed()).toBeLessThan(2 * LEASE);
      await pause(10);
    }
    expect(await store(2).count('all')).toBe(3);
  });

  it('of a node that shuts down are released at once', async () => {
    await fill(0, 6);
    await nodes[0]!.stores.close();
    expect(await acquire(1)).toBeUndefined();
    expect(await store(1).count('all')).toBe(1);
  });

  it('leave no key behind', async () => {
    await fill(0, 3);
    crash(0);
    await pause(LEASE + 100);
    expect((await admin.keys('*')).filter(key => key.includes('nodes'))).toEqual([]);
    await fill(1, 1);
    await store(1).release(['all']);
    const [own] = (await admin.keys('*:nodes:*')).filter(Boolean);
    expect(own).toBeUndefined();
  });

  it('are counted again after Redis lost them', async () => {
    await fill(0, 4);
    await admin.flushall();
    expect(await acquire(0)).toBeUndefined();
    expect(await store(0).count('all')).toBe(5);
    await admin.flushall();
    let counted = 0;
    const look = setInterval(
      () =>
        void store(1)
          .count('all')
          .then(n => (counted = n)),
      20,
    );
    await eventually(() => counted === 5).finally(() => {
      clearInterval(look);
    });
  });

  it('of 70,000 users are counted again after Redis lost them', async () => {
    const stores = redisStores({ url: server.url, commandTimeout: 20_000 });
    const { connectionStore } = stores;
    const users = Array.from({ length: 700 }, (_, hundred) =>
      Array.from({ length: 100 }, (_, user) => ({ key: `user:${hundred}-${user}`, limit: 1 })),
    );
    await Promise.all(users.map(claims => connectionStore.acquire(claims)));
    await admin.flushall();
    expect(await connectionStore.acquire([CLAIM])).toBeUndefined();
    const last = users.at(-1)!.at(-1)!;
    expect(await connectionStore.acquire([last])).toEqual(last);
    await stores.close();
  });

  it('that close while Redis has lost them are not counted afterwards', async () => {
    await fill(0, 3);
    await admin.flushall();
    await store(0).release(['all']);
    expect(await acquire(0)).toBeUndefined();
    expect(await store(1).count('all')).toBe(3);
  });

  it('are counted correctly in the end if opened, closed and lost at random', async () => {
    let held = 0;
    for (let round = 0; round < 20; round++) {
      const claims = Array.from({ length: 10 }, async () => {
        if (await store(0).acquire([{ key: 'all', limit: 1_000 }])) throw new Error('refused');
        held++;
        if (Math.random() < 0.5) return;
        held--;
        await store(0).release(['all']);
      });
      if (round % 5 === 2) await admin.flushall();
      await Promise.all(claims);
    }
    await store(0).renew();
    expect(await store(1).count('all')).toBe(held);
  });
});
