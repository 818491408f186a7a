import type { Cluster } from 'ioredis';
import { describeWithRedis, RedisClusterServers } from '../helpers/redis-server.js';
import { redisContracts } from './redis-contracts.js';

describeWithRedis('stores on a cluster of three', () => {
  let servers: RedisClusterServers;
  let client: Cluster;

  beforeAll(async () => {
    servers = await RedisClusterServers.start();
    client = servers.client();
  }, 30_000);

  afterAll(async () => {
    client.disconnect();
    await servers.close();
  });

  redisContracts('a cluster', () => ({ client }));
});
