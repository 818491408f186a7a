import { Redis, type RedisOptions } from 'ioredis';
import { ConnectionManager, SemanticEventsModule, SessionRegistry } from '../../lib/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const TUNING = { clockDrift: 50, commandTimeout: 5_000 };

describeWithRedis('a revocation on one node', () => {
  let server: RedisServer;
  const open: RedisStores[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(stores => stores.close()));
  });

  afterAll(async () => {
    await server.close();
  });

  const prefix = () => `${expect.getState().currentTestName}:`;
  /** The stream key of the notices. */
  const noticesKey = () => `${prefix()}{revocations}`;
  const node = () =>
    TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        stores: redisStores({ url: server.url, prefix: prefix(), ...TUNING }),
      }),
    });

  const login = async (app: TestApp, user: string, sid: string) => {
    const client = await app.connect();
    expect((await client.authenticate(tokenFor(user, { sid }))).type).toBe('auth_success');
    return client;
  };

  it('closes every connection of the user on other nodes, and no others', async () => {
    const [one, other] = [await node(), await node()];
    const [here, there] = [await login(one, 'alice', 'a'), await login(other, 'alice', 'b')];
    const bob = await login(other, 'bob', 'c');
    expect(one.nest.get(ConnectionManager).disconnectUser('alice')).toBe(1);
    expect(await here.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    expect(await there.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    bob.emit('demo.echo', 'still here');
    expect((await bob.next()).event.data).toBe('still here');
  });

  it('closes a connection by its id on any node', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    const { id } = other.nest.get(ConnectionManager).list()[0]!;
    expect(one.nest.get(ConnectionManager).disconnect(id)).toBe(false);
    expect((await client.closed).code).toBe(4403);
  });

  it.each<[string, RedisOptions]>([
    ['by default', {}],
    ['with maps', { replyMapping: 'resp3' }],
    ['by RESP2', { protocol: 2 }],
    ['late', { keyPrefix: 'app:', db: 3, lazyConnect: true, enableOfflineQueue: false }],
  ])("arrives whatever the settings of the application's Redis client: %s", async (_, options) => {
    const client = new Redis(server.port, '127.0.0.1', options);
    const nodes = [1, 2].map(() => redisStores({ client, prefix: prefix(), ...TUNING }));
    open.push(...nodes);
    const receivedIds: string[] = [];
    nodes[1]!.revocationBus.subscribe(({ id }) => receivedIds.push(id));
    const revoked = { kind: 'user', code: 'REVOKED', at: Date.now() } as const;
    for (const id of ['alice', 'bob']) nodes[0]!.revocationBus.publish({ ...revoked, id });
    await eventually(() => receivedIds.length === 2, 3_000);
    expect(receivedIds).toEqual(['alice', 'bob']);
    await Promise.all(open.splice(0).map(stores => stores.close()));
    client.disconnect();
  });

  it('rejects the session on every node, including one that starts later', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'ended');
    one.nest.get(SessionRegistry).end('ended');
    expect((await client.closed).code).toBe(4403);
    const late = await node();
    await eventually(() => late.nest.get(SessionRegistry).hasEnded('ended'));
    for (const app of [one, other, late]) {
      const again = await app.connect();
      const answer = await again.authenticate(tokenFor('alice', { sid: 'ended' }));
      expect(answer.code).toBe('AUTH_FAILED');
    }
  });

  it('reaches a node that starts long after, before that accepts a client', async () => {
    const one = await node();
    one.nest.get(SessionRegistry).end('ended');
    await pause(100);
    const stores = redisStores({ url: server.url, prefix: prefix(), ...TUNING });
    // An application creates its providers in turn: the first read may happen before the last
    // listener is added.
    const receivedIds: string[][] = [[], []];
    stores.revocationBus.subscribe(({ id }) => receivedIds[0]!.push(id));
    await stores.ready();
    await eventually(() => receivedIds[0]!.length === 1);
    stores.revocationBus.subscribe(({ id }) => receivedIds[1]!.push(id));
    expect(receivedIds).toEqual([['ended'], ['ended']]);
    await stores.close();
  });

  it("is stored until the session's tokens expire, whatever else is revoked", async () => {
    const one = await node();
    const sessions = one.nest.get(SessionRegistry);
    sessions.end('stolen');
    const admin = server.client();
    const key = `${prefix()}ended:stolen`;
    await eventually(async () => (await admin.exists(key)) === 1);
    expect(await admin.pttl(key)).toBeGreaterThan(86_300_000);
    for (let other = 0; other < 11_000; other++) sessions.end(`other-${other}`);
    await eventually(
      async () => (await admin.exists(`${prefix()}ended:other-10999`)) === 1,
      20_000,
    );
    // More than the number of stored notices: only the key of the session remains.
    expect(await admin.xlen(noticesKey())).toBeLessThan(10_900);
    const late = await node();
    const again = await late.connect();
    const answer = await again.authenticate(tokenFor('alice', { sid: 'stolen' }));
    expect(answer.code).toBe('AUTH_FAILED');
  });

  it('reaches a node that starts after Redis has lost it, from any node that still knows it', async () => {
    const [one, other] = [await node(), await node()];
    one.nest.get(SessionRegistry).end('ended');
    await eventually(() => other.nest.get(SessionRegistry).hasEnded('ended'));
    // One node that received it is enough, even if its sender is gone.
    await one.stop();
    const admin = server.client();
    await admin.flushall();
    await eventually(async () => (await admin.exists(`${prefix()}ended:ended`)) === 1, 5_000);
    const late = await node();
    const again = await late.connect();
    const answer = await again.authenticate(tokenFor('alice', { sid: 'ended' }));
    expect(answer.code).toBe('AUTH_FAILED');
  });

  it('reaches a connection whose node has missed the notice', async () => {
    const one = await node();
    const client = await login(one, 'alice', 'missed');
    const admin = server.client();
    await admin.set(`${prefix()}ended:missed`, 1);
    // The node continues after a notice that no longer exists.
    await admin.xadd(noticesKey(), '*', 'node', 'x', 'revocation', '{}');
    await pause(600);
    await admin.del(noticesKey());
    await admin.xadd(noticesKey(), '*', 'node', 'x', 'revocation', '{}');
    expect(await client.closed).toEqual({ code: 4403, reason: 'REVOKED' });
  });

  it('is unknown to a node that has never reached Redis, which accepts no client', async () => {
    const module = SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      stores: redisStores({ url: 'redis://127.0.0.1:1', commandTimeout: 100 }),
    });
    const app = await TestApp.start({ gateways: [DemoGateway], module });
    const client = await app.connect();
    const answer = await client.authenticate(tokenFor('alice', { sid: 'any' }));
    expect(answer.code).toBe('UNAVAILABLE');
  });

  it('arrives from another Redis whose clock is behind', async () => {
    const other = await node();
    const client = await login(other, 'alice', 'a');
    const key = noticesKey();
    const revoked = JSON.stringify({ kind: 'user', id: 'alice', code: 'REVOKED', at: Date.now() });
    await server
      .client()
      .xadd(key, '*', 'node', 'x', 'revocation', revoked.replace('alice', 'bob'));
    await pause(600);
    const fields = ['node', 'x', 'revocation', revoked];
    await server
      .client()
      .multi()
      .flushall()
      .xadd(key, '1-1', ...fields)
      .exec();
    expect((await client.closed).code).toBe(4403);
  });

  it('arrives while Redis is out of memory', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    one.nest.get(ConnectionManager).disconnectUser('alice');
    const admin = server.client();
    while ((await admin.xlen(noticesKey())) < 1) await pause(5);
    await admin.config('SET', 'maxmemory', '1');
    other.nest.get(ConnectionManager).disconnectUser('bob');
    expect((await client.closed).code).toBe(4403);
    await admin.config('SET', 'maxmemory', '0');
  });

  it('arrives at a node after an outage of Redis', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    await server.kill();
    one.nest.get(ConnectionManager).disconnectUser('alice');
    await server.restart();
    expect((await client.closed).code).toBe(4403);
  });
});
