import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { redisContracts } from './redis-contracts.js';

describeWithRedis('stores on one Redis', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterAll(async () => {
    await server.close();
  });

  redisContracts('one Redis', () => ({ url: server.url }));
});
