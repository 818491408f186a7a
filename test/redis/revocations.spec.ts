import { Redis, type RedisOptions } from 'ioredis';
import { ConnectionManager, SemanticEventsModule, SessionRegistry } from '../../lib/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { MAX_KEPT } from '../../lib/redis/redis-revocation-bus.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const TUNING = { settleTime: 50, commandTimeout: 5_000 };

describeWithRedis('what one node revokes', () => {
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
  /** Where Redis has what was told. */
  const told = () => `${prefix()}{se}:revocations`;
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

  it.each<[string, RedisOptions]>([
    ['by default', {}],
    ['with maps', { replyMapping: 'resp3' }],
    ['by RESP2', { protocol: 2 }],
    ['late', { keyPrefix: 'app:', db: 3, lazyConnect: true, enableOfflineQueue: false }],
  ])('is heard of however the client of the application is set up: %s', async (_, options) => {
    const client = new Redis(server.port, '127.0.0.1', options);
    const nodes = [1, 2].map(() => redisStores({ client, prefix: prefix(), ...TUNING }));
    open.push(...nodes);
    const heard: string[] = [];
    nodes[1]!.revocationBus.subscribe(({ id }) => heard.push(id));
    const revoked = { kind: 'user', code: 'REVOKED', at: Date.now() } as const;
    for (const id of ['alice', 'bob']) nodes[0]!.revocationBus.publish({ ...revoked, id });
    await eventually(() => heard.length === 2, 3_000);
    expect(heard).toEqual(['alice', 'bob']);
    await Promise.all(open.splice(0).map(stores => stores.close()));
    client.disconnect();
  });

  it('does not let a session in again, on no node, also one that starts later', async () => {
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

  it('is heard of by a node that starts long after, before it takes anybody', async () => {
    const one = await node();
    one.nest.get(SessionRegistry).end('ended');
    await pause(100);
    const stores = redisStores({ url: server.url, prefix: prefix(), ...TUNING });
    // An application makes its providers one after the other: the first look may come before the last listener.
    const heard: string[][] = [[], []];
    stores.revocationBus.subscribe(({ id }) => heard[0]!.push(id));
    await eventually(() => heard[0]!.length === 1);
    stores.revocationBus.subscribe(({ id }) => heard[1]!.push(id));
    expect(heard).toEqual([['ended'], ['ended']]);
    await stores.close();
  });

  it('is told of others while more is said than may wait, but for the oldest', async () => {
    const start = () => {
      const stores = redisStores({ url: server.url, prefix: prefix(), ...TUNING });
      open.push(stores);
      return stores;
    };
    const [one, other] = [start().revocationBus, start().revocationBus];
    const heard = new Set<string>();
    other.subscribe(({ id }) => heard.add(id));
    const say = (id: string) => {
      one.publish({ kind: 'session', id, code: 'REVOKED', at: Date.now() });
    };
    say('before');
    await eventually(() => heard.has('before'));
    // The first is on its way when there is no room for the last.
    for (let said = 0; said <= MAX_KEPT; said++) say(`session ${said}`);
    await eventually(() => heard.has(`session ${MAX_KEPT}`), 20_000);
    expect(heard.has('session 1')).toBe(true);
  });

  it('is known to a node that starts after Redis has lost it, from whoever still knows', async () => {
    const [one, other] = [await node(), await node()];
    one.nest.get(SessionRegistry).end('ended');
    one.nest.get(ConnectionManager).disconnectUser('carol');
    await eventually(() => other.nest.get(SessionRegistry).hasEnded('ended'));
    // One of those who have heard of it is enough, also where the one who said it is gone.
    await one.stop();
    const admin = server.client();
    await admin.flushall();
    while ((await admin.xlen(told())) < 1) await pause(10);
    const late = await node();
    expect(late.nest.get(SessionRegistry).hasEnded('ended')).toBe(true);
    const again = await late.connect();
    const answer = await again.authenticate(tokenFor('alice', { sid: 'ended' }));
    expect(answer.code).toBe('AUTH_FAILED');
  });

  it('is told again once, by however many nodes', async () => {
    const nodes = Array.from({ length: 4 }, () =>
      redisStores({ url: server.url, prefix: prefix(), ...TUNING }),
    );
    open.push(...nodes);
    const heard = nodes.map(({ revocationBus }) => {
      const ids: string[] = [];
      revocationBus.subscribe(({ id }) => ids.push(id));
      return ids;
    });
    await Promise.all(nodes.map(stores => stores.ready()));
    const names = Array.from({ length: 1_200 }, (_, index) => `session-${index}`);
    for (const [index, id] of names.entries())
      nodes[index % 4]!.revocationBus.publish({ kind: 'session', id, code: 'REVOKED', at: index });
    await eventually(() => heard.every(({ length }) => length === 900));
    const admin = server.client();
    await admin.flushall();
    const kept = () => admin.xlen(told());
    while ((await kept()) < names.length) await pause(10);
    await pause(600);
    expect(await kept()).toBe(names.length);
    // Nobody is told what it knows.
    for (const ids of heard) expect(ids).toHaveLength(900);
  });

  it('is heard of from another Redis, whose clock is behind', async () => {
    const other = await node();
    const client = await login(other, 'alice', 'a');
    const key = told();
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

  it('is heard of while Redis has no memory left to say more', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    one.nest.get(ConnectionManager).disconnectUser('alice');
    const admin = server.client();
    while ((await admin.xlen(told())) < 1) await pause(5);
    await admin.config('SET', 'maxmemory', '1');
    other.nest.get(ConnectionManager).disconnectUser('bob');
    expect((await client.closed).code).toBe(4403);
    await admin.config('SET', 'maxmemory', '0');
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
