import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { redisStores, type RedisStoresOptions } from '../../lib/redis/index.js';
import { eventually } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

describeWithRedis('the database of redisStores', () => {
  let server: RedisServer;
  let logged: string[];

  beforeEach(async () => {
    server = await RedisServer.start(['--databases', '2']);
    logged = [];
    for (const level of ['error', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => logged.push(String(text)));
  });

  afterEach(async () => {
    await server.close();
  });

  const targets = (database: number): [string, () => RedisStoresOptions][] => [
    ['a url', () => ({ url: `${server.url}/${database}` })],
    [
      'a client',
      () => {
        const client = new Redis(server.port, { db: database });
        client.on('error', () => undefined);
        return { client };
      },
    ],
  ];

  it.each(targets(1))('is used if Redis has it, with %s', async (_, target) => {
    const options = target();
    const stores = redisStores({ ...options, commandTimeout: 5_000, clockDrift: 20 });
    await stores.ready();
    expect(stores.health().status).toBe('up');
    expect(await server.client().keys('*')).toEqual([]);
    expect(logged).toEqual([]);
    await stores.close();
    options.client?.disconnect();
  });

  it.each(targets(7))(
    'is never replaced by database 0 if Redis lacks it, with %s',
    async (_, target) => {
      const options = target();
      const stores = redisStores({ ...options, commandTimeout: 5_000, clockDrift: 20 });
      const ready = stores.ready();
      await eventually(() => logged.length > 0);
      await expect(stores.nonceStore.use('nonce', Date.now() + 60_000)).rejects.toMatchObject({
        code: 'REDIS_UNAVAILABLE',
      });
      expect(stores.health().status).toBe('down');
      expect(await server.client().keys('*')).toEqual([]);
      expect(logged).toEqual(['Redis does not answer: ERR DB index is out of range']);
      await stores.close();
      await ready;
      options.client?.disconnect();
    },
  );
});
