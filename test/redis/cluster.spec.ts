import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Cluster } from 'ioredis';
import {
  ConnectionManager,
  EventMesh,
  NonceStore,
  SemanticEventsModule,
  SessionRegistry,
} from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { RecordingFollower } from '../contract/event-log.contract.js';
import { append } from '../helpers/event-logs.js';
import { eventually, pause } from '../helpers/eventually.js';
import { FaultyProxy } from '../helpers/faulty-proxy.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { describeWithRedis, RedisClusterServers } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import { redisContracts } from './redis-contracts.js';

describeWithRedis('with a Redis Cluster of three masters', () => {
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

  const start = (prefix: string) =>
    TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        mesh: { allow: ['chat.*'] },
        stores: redisStores({ client, prefix, clockDrift: 50, commandTimeout: 5_000 }),
      }),
    });

  redisContracts('a cluster', () => ({ client }));

  it('two nodes share limits, nonces, events and disconnects', async () => {
    const [one, other] = [await start('app:'), await start('app:')];
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

    one.nest.get(SessionRegistry).endUser('alice');
    const isKnown = () => other.nest.get(SessionRegistry).isEnded({ id: 'alice' });
    await eventually(async () => isKnown());
    const answerTo = async (issuedIn: number) => {
      const iat = Math.floor(Date.now() / 1000) + issuedIn;
      const client = await other.connect();
      return (await client.authenticate(tokenFor('alice', { sid: 'any', iat }))).type;
    };
    expect([await answerTo(-5), await answerTo(2)]).toEqual(['error', 'auth_success']);
  });

  it('nothing is accepted twice while slots move to another master, and new events are accepted again', async () => {
    const stores = redisStores({ client, prefix: 'move:', clockDrift: 50 });
    await stores.ready();
    const use = (nonce: string, madeAt: number) =>
      stores.nonceStore.useNonce('key', nonce, madeAt + 60_000, madeAt).catch(() => false);
    const used = new Map<string, number>();
    const move = { isOver: false };
    const moved = servers.moveSlots(600).finally(() => {
      move.isOver = true;
    });
    for (let event = 0; !move.isOver || event < 100; event++) {
      const [nonce, madeAt] = [`${event}`, Date.now()];
      if (await use(nonce, madeAt)) used.set(nonce, madeAt);
      await pause(2);
    }
    await moved;
    expect(used.size).toBeGreaterThan(50);
    for (const [nonce, madeAt] of used) expect(await use(nonce, madeAt)).toBe(false);
    await eventually(async () => {
      const fresh = Array.from({ length: 64 }, (_, nonce) =>
        use(`fresh-${Date.now()}-${nonce}`, Date.now()),
      );
      return (await Promise.all(fresh)).every(Boolean);
    });
    await stores.close();
  });

  it('is found again after all connections are lost, though the only configured server is gone', async () => {
    const seed = await FaultyProxy.start(servers.ports[0]!);
    const client = servers.client([Number(new URL(seed.url).port)]);
    client.on('error', () => undefined);
    const stores = redisStores({ client, prefix: 'seed:', clockDrift: 50 });
    const use = async () =>
      stores.nonceStore.use(randomUUID(), Date.now() + 60_000).catch(() => false);
    await eventually(use);
    await seed.close();
    const lost = once(client, 'close');
    // All at the same time: a connection that is left over would find the others again.
    for (const server of client.nodes()) server.disconnect();
    await lost;
    await eventually(use);
    await stores.close();
    client.disconnect();
  });

  it('nothing is accepted twice or lost silently while a new master replaces an old one', async () => {
    const [one, other] = [await start('replaced:'), await start('replaced:')];
    const listener = await other.login();
    listener.sendJson({ type: 'subscribe', patterns: ['chat.*'] });
    expect((await listener.next()).type).toBe('subscribed');
    const [nonces, mesh] = [one.nest.get(NonceStore), one.nest.get(EventMesh)];
    const use = async (nonce: string, madeAt: number) => {
      try {
        return await nonces.useNonce('key', nonce, madeAt + 60_000, madeAt);
      } catch {
        return false;
      }
    };
    const succeeds = (call: Promise<unknown>) =>
      call.then(
        () => true,
        () => false,
      );

    const replaced = new AbortController();
    const replacing = servers.replaceMaster().finally(() => {
      replaced.abort();
    });
    const used = new Map<string, number>();
    const published: number[] = [];
    let number = 0;
    for (; !replaced.signal.aborted; number++) {
      const madeAt = Date.now();
      if (await use(`${number}`, madeAt)) used.set(`${number}`, madeAt);
      if (await succeeds(mesh.emit('chat.said', number))) published.push(number);
      await pause(5);
    }
    await replacing;
    await eventually(() => succeeds(mesh.emit('chat.said', number)));
    published.push(number);
    await eventually(() => use(randomUUID(), Date.now()));

    expect(used.size).toBeGreaterThan(50);
    for (const [nonce, madeAt] of used) expect(await use(nonce, madeAt)).toBe(false);
    await eventually(() => listener.received.some(({ event }) => event?.data === number));
    const frames = listener.received;
    const received = frames.filter(({ type }) => type === 'event').map(({ event }) => event.data);
    expect(new Set(received).size).toBe(received.length);
    // Events that are missing were reported as a gap.
    if (!frames.some(({ type }) => type === 'gap')) expect(received).toEqual(published);
    await one.stop();
    await other.stop();
  }, 90_000);
});

describeWithRedis('with a Redis Cluster behind a NAT', () => {
  let servers: RedisClusterServers;

  beforeAll(async () => {
    servers = await RedisClusterServers.start();
  }, 60_000);

  afterAll(async () => {
    await servers.close();
  });

  it('a node receives the events of others at the addresses of natMap', async () => {
    const natMap = await servers.hideBehindNat();
    // The log of one of these prefixes belongs to the second or third master.
    for (const prefix of ['a:', 'b:', 'c:', 'd:']) {
      const client = servers.client(undefined, { natMap });
      const stores = redisStores({ client, prefix });
      const follower = new RecordingFollower();
      await stores.eventLog.follow(follower);
      await append(stores.eventLog, 'a.b', 'published');
      await eventually(() => follower.entries.length === 1);
      await stores.close();
      client.disconnect();
    }
  }, 120_000);
});
