import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';
import { BlackHole } from '../helpers/black-hole.js';

/** Allows for a busy machine: Redis rarely has a processor of its own. */
const BUSY = 3_000;
const SETTLE = 200;
const TIMEOUT = 300;

interface Node {
  stores: RedisStores;
  client: Redis;
}

describeWithRedis('nodes under load', () => {
  let server: RedisServer;
  let admin: Redis;
  let nodes: Node[];

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    server = await RedisServer.start();
    admin = server.client();
    nodes = [];
  });

  afterEach(async () => {
    await Promise.all(nodes.map(({ stores }) => stores.close()));
    await server.close();
  });

  const start = (): Node => {
    const client = server.client();
    return {
      client,
      stores: redisStores({ client, clockDrift: SETTLE, commandTimeout: TIMEOUT }),
    };
  };
  const back = async (): Promise<number> => {
    const elapsed = stopwatch();
    for (const { stores } of nodes)
      while (!(await isUsed(stores, `back-${Math.random()}`, Date.now()))) {
        expect(elapsed()).toBeLessThan(2_000 + BUSY);
        await pause(5);
      }
    return elapsed();
  };
  const isUsed = (stores: RedisStores, key: string, madeAt: number) =>
    stores.nonceStore.use(key, madeAt + 60_000, madeAt).catch(() => false);

  const cutOff = async (node: Node) => {
    node.client.disconnect();
    await server.kill();
    await server.restart();
    await pause(2 * SETTLE);
    await node.client.connect();
  };
  const OUTAGES: Record<string, () => Promise<unknown>> = {
    'killed and restarted empty': async () => {
      await server.kill();
      await server.restart();
    },
    stopped: async () => {
      server.stop();
      await pause(3 * TIMEOUT);
      server.cont();
    },
    emptied: () => admin.flushall(),
    paused: async () => {
      await admin.client('PAUSE', 2 * TIMEOUT);
      await pause(2 * TIMEOUT);
    },
    'emptied as a node is replaced by a fresh one': async () => {
      const [old] = nodes.splice(0, 1, start());
      await old!.stores.close();
      await admin.flushall();
    },
    'restarted while a node is cut off': () => cutOff(nodes[1]!),
  };

  it('accept nothing twice through any outage, and recover within 2 s of each', async () => {
    nodes = [start(), start(), start()];
    await Promise.all(nodes.map(({ stores }) => stores.ready()));
    const accepted = new Map<string, number>();
    const made = new Map<string, number>();
    const stopped = new AbortController();
    const use = async (key: string, stores: RedisStores) => {
      const isNew = await isUsed(stores, key, made.get(key) ?? 0);
      if (isNew) accepted.set(key, (accepted.get(key) ?? 0) + 1);
    };
    const load = (async () => {
      for (let turn = 0; !stopped.signal.aborted; turn++) {
        const key = `nonce-${turn}`;
        // Some producers' clocks are ahead.
        made.set(key, Date.now() + (turn % 3 === 0 ? SETTLE : 0));
        const again = `nonce-${Math.floor(Math.random() * turn)}`;
        for (const [index, { stores }] of nodes.entries()) {
          if (turn % 2 === 0 || index === turn % nodes.length) void use(key, stores);
          void use(again, stores);
        }
        await pause(4);
      }
    })();
    try {
      for (const happen of Object.values(OUTAGES)) {
        await happen();
        await back();
        await pause(100);
      }
    } finally {
      stopped.abort();
      await load;
    }
    for (const { stores } of nodes)
      await Promise.all([...accepted.keys()].map(key => use(key, stores)));
    expect(accepted.size).toBeGreaterThan(50);
    expect([...accepted.values()].filter(times => times > 1)).toEqual([]);
  });

  it('recover soon after packets to Redis were dropped and old connections stay dead', async () => {
    const proxy = await BlackHole.start(server.port);
    const stores = redisStores({
      url: `redis://127.0.0.1:${proxy.port}`,
      clockDrift: SETTLE,
      commandTimeout: TIMEOUT,
    });
    nodes = [{ stores, client: admin }];
    await stores.ready();
    proxy.swallow();
    const elapsed = stopwatch();
    expect(await isUsed(stores, 'lost', Date.now())).toBe(false);
    expect(elapsed()).toBeLessThan(3 * TIMEOUT);
    await pause(3 * TIMEOUT);
    proxy.pass();
    expect(await back()).toBeLessThan(2_000 + BUSY);
    await proxy.close();
  });
});
