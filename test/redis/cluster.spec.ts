import type { Cluster } from 'ioredis';
import { ConnectionManager, EventMesh, SemanticEventsModule } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { describeWithRedis, RedisClusterServers } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';
import { redisContracts } from './redis-contracts.js';

describeWithRedis('on a cluster of three', () => {
  let servers: RedisClusterServers;
  let client: Cluster;

  beforeAll(async () => {
    servers = await RedisClusterServers.start();
    client = servers.client();
  }, 60_000);

  afterAll(async () => {
    client.disconnect();
    await servers.close();
  });

  redisContracts('a cluster', () => ({ client }));

  it('two applications are one: in limits, nonces, what is published and who is sent away', async () => {
    const stores = () =>
      redisStores({ client, prefix: 'app:', settleTime: 50, commandTimeout: 5_000 });
    const start = () =>
      TestApp.start({
        gateways: [DemoGateway],
        module: SemanticEventsModule.forRoot({
          signing: { keys: [RING_KEY] },
          auth: { jwt: { secret: JWT_SECRET } },
          mesh: { allow: ['chat.*'] },
          stores: stores(),
        }),
      });
    const [one, other] = [await start(), await start()];
    const [here, there] = [await one.login(), await other.login()];

    const ring = { key_id: RING_KEY.id, key: Buffer.from(RING_KEY.secret).toString('base64url') };
    const event = here.sign(here.event('demo.echo', 'once'), ring);
    for (const socket of [here, there]) socket.sendJson({ type: 'event', event });
    const answers = [await here.next(), await there.next()];
    expect(answers.map(({ code, type }) => (code ?? type) as string).sort()).toEqual([
      'REPLAY_DETECTED',
      'event',
    ]);

    for (const socket of [here, there])
      for (let sent = 0; sent < 3; sent++) socket.emit('demo.limited', sent);
    const limited = [...(await here.take(3)), ...(await there.take(3))];
    expect(limited.filter(({ type }) => type === 'event')).toHaveLength(3);

    there.sendJson({ type: 'subscribe', patterns: ['chat.*'] });
    expect((await there.next()).type).toBe('subscribed');
    await one.nest.get(EventMesh).emit('chat.said', 'hello');
    expect((await there.next()).event).toMatchObject({ type: 'chat.said', data: 'hello' });

    expect(one.nest.get(ConnectionManager).disconnectUser('alice')).toBe(1);
    for (const socket of [here, there]) expect((await socket.closed).code).toBe(4403);
  });
});
