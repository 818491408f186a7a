import { EventMesh, SemanticEventsModule, type SigningKeyOptions } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { captureLog } from '../helpers/log-capture.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';

const OTHER_KEY = { id: 'other', secret: 'Yx8vQ2nWm5LkT7rPz3HcB9dGf4JsA6eU' };

describeWithRedis('a Redis shared by applications', () => {
  let server: RedisServer;

  beforeEach(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    await server.close();
  });

  const start = (keys: SigningKeyOptions[], prefix?: string) =>
    TestApp.start({
      gateways: [DemoGateway],
      prepare: () => {
        captureLog();
      },
      module: SemanticEventsModule.forRoot({
        signing: { keys },
        auth: { jwt: { secret: JWT_SECRET } },
        mesh: { allow: ['order.**'] },
        stores: redisStores({
          url: server.url,
          commandTimeout: 5_000,
          clockDrift: 200,
          ...(prefix && { prefix }),
        }),
      }),
    });

  it('requires different prefixes for applications with different keys', async () => {
    await start([RING_KEY]);
    await expect(start([OTHER_KEY])).rejects.toThrow(
      /redisStores\.prefix "semantic-events:" belongs to another application/,
    );
    await start([OTHER_KEY], 'other:');
  });

  it('allows the keys of one application to rotate node by node', async () => {
    await start([RING_KEY]);
    await start([RING_KEY, OTHER_KEY]);
    await start([OTHER_KEY, RING_KEY]);
    await start([OTHER_KEY]);
  });

  it('releases a prefix one minute after its owner stopped', async () => {
    const app = await start([RING_KEY]);
    await app.nest.close();
    const owner = 'semantic-events:{owner}';
    const ttl = await server.client().pttl(owner);
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(60_000);
    await server.client().del(owner);
    await start([OTHER_KEY]);
  });

  it('reports down in health if another application has taken the prefix', async () => {
    const stores = redisStores({ url: server.url, commandTimeout: 5_000 });
    await stores.ready();
    await stores.claim(() => ['a'.repeat(22)]);
    await server.client().set('semantic-events:{owner}', 'b'.repeat(22));
    captureLog();
    await expect(stores.claim(() => ['a'.repeat(22)])).rejects.toThrow('another application');
    expect(stores.health()).toMatchObject({ status: 'down' });
    await stores.close();
  });

  it('does not deliver mesh events that were written without a signing key', async () => {
    const app = await start([RING_KEY]);
    const client = await app.login();
    client.sendJson({ type: 'subscribe', patterns: ['order.**'] });
    expect((await client.next()).type).toBe('subscribed');
    const mesh = app.nest.get(EventMesh);
    await mesh.emit('order.placed', 1);
    expect(await client.next()).toMatchObject({ event: { data: 1 } });

    const admin = server.client();
    const key = 'semantic-events:{se}:events';
    const [first] = await admin.xrange(key, '-', '+');
    const [id = '', fields = []] = first ?? [];
    const sealed = fields[3] ?? '';
    expect(sealed).toContain('"data":1');
    const [epoch = ''] = await admin.hmget(`${key}:log`, 'epoch');
    const [time] = id.split('-');
    const forgeries = ['{"data":"forged"}', sealed.replace('"data":1', '"data":3')];
    for (const [index, text] of forgeries.entries()) {
      const next = `${time}-${index + 1}`;
      await admin.xadd(key, next, 'type', 'order.placed', 'text', text);
      await admin.spublish(key, `${epoch} ${next} order.placed\n${text}`);
    }

    await mesh.emit('order.placed', 2);
    const received = [];
    for (let data; data !== 2; received.push(data)) {
      const { event } = await client.next();
      data = (event as { data: unknown } | undefined)?.data;
    }
    // The forged ids look like lost events: the client receives a gap.
    expect(received).toEqual([undefined, 2]);
    const { events, hasGap } = await mesh.replay('order.**');
    expect(events.map(({ event }) => event.data)).toEqual([1, 2]);
    expect(hasGap).toBe(true);
  });
});
