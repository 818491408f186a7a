import { ConnectionManager, SemanticEventsModule, SessionRegistry } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

describeWithRedis('what one node revokes', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterAll(async () => {
    await server.close();
  });

  const prefix = () => `${expect.getState().currentTestName}:`;
  const node = () =>
    TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        stores: redisStores({ url: server.url, prefix: prefix(), settleTime: 50 }),
      }),
    });

  const login = async (app: TestApp, user: string, sid: string) => {
    const client = await app.connect();
    expect((await client.authenticate(tokenFor(user, { sid }))).type).toBe('auth_success');
    return client;
  };

  it('is closed on the others: every connection of a user, and nobody else’s', async () => {
    const [one, other] = [await node(), await node()];
    const [here, there] = [await login(one, 'alice', 'a'), await login(other, 'alice', 'b')];
    const bob = await login(other, 'bob', 'c');
    expect(one.nest.get(ConnectionManager).disconnectUser('alice')).toBe(1);
    expect(await here.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    expect(await there.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    bob.emit('demo.echo', 'still here');
    expect((await bob.next()).event.data).toBe('still here');
  });

  it('is closed by its id wherever it is', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    const { id } = other.nest.get(ConnectionManager).list()[0]!;
    expect(one.nest.get(ConnectionManager).disconnect(id)).toBe(false);
    expect((await client.closed).code).toBe(4403);
  });

  it('does not let a session in again, on no node, also one that starts later', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'ended');
    one.nest.get(SessionRegistry).end('ended');
    expect((await client.closed).code).toBe(4403);
    const late = await node();
    await eventually(() => late.nest.get(SessionRegistry).hasEnded('ended'), 3_000);
    for (const app of [one, other, late]) {
      const again = await app.connect();
      const answer = await again.authenticate(tokenFor('alice', { sid: 'ended' }));
      expect(answer.code).toBe('AUTH_FAILED');
    }
  });

  it('is heard of by a node that starts long after, before it takes anybody', async () => {
    const one = await node();
    one.nest.get(SessionRegistry).end('ended');
    await pause(100);
    const stores = redisStores({ url: server.url, prefix: prefix(), settleTime: 50 });
    // An application makes its providers one after the other: the first look may come before the last listener.
    const heard: string[][] = [[], []];
    stores.revocationBus.subscribe(({ id }) => heard[0]!.push(id));
    await eventually(() => heard[0]!.length === 1);
    stores.revocationBus.subscribe(({ id }) => heard[1]!.push(id));
    expect(heard).toEqual([['ended'], ['ended']]);
    await stores.close();
  });

  it('is heard of by a node that Redis was away from', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    await server.kill();
    one.nest.get(ConnectionManager).disconnectUser('alice');
    await server.restart();
    expect((await client.closed).code).toBe(4403);
  });
});
