import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { RoomChange } from '../../lib/mesh/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { describeRoomStore } from '../contract/room-store.contract.js';
import { eventually } from '../helpers/eventually.js';
import { FaultyProxy } from '../helpers/faulty-proxy.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const LEASE = 450;

describeWithRedis('RedisRoomStore', () => {
  let server: RedisServer;
  let admin: Redis;
  const open: { close(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });
  beforeEach(async () => {
    await admin.flushall();
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map(one => one.close()));
    jest.restoreAllMocks();
  });
  afterAll(() => server.close());

  const node = (url = server.url): RedisStores => {
    const stores = redisStores({ url, lease: LEASE, commandTimeout: 2_000 });
    open.push(stores);
    return stores;
  };

  describeRoomStore(() => ({ nodes: [node().roomStore, node().roomStore] }));

  it('removes the connections of a killed node when its lease ends, and reports its users once', async () => {
    const line = await FaultyProxy.start(server.port);
    open.push(line);
    const [killed, a, b] = [node(line.url).roomStore, node().roomStore, node().roomStore];
    const changes: RoomChange[] = [];
    for (const store of [a, b]) store.watch(change => changes.push(change));
    await killed.enter('r', 'c1', 'alice');
    await killed.enter('r', 'c2', 'bob');
    await a.enter('r', 'c3', 'bob');
    await b.enter('r', 'c4', 'carol');
    line.isRefusing = true;
    line.cut();
    await eventually(() => changes.some(({ left }) => left.length > 0));
    await eventually(async () => (await a.count('r')).connections === 2);
    expect(changes.flatMap(({ left }) => left)).toEqual(['alice']);
    expect((await b.members('r', 10)).map(({ user }) => user).sort()).toEqual(['bob', 'carol']);
  });

  it('keeps a connection that enters a room that was left and lost meanwhile', async () => {
    const { roomStore } = node();
    await roomStore.enter('r', 'c1', 'alice');
    await admin.flushall();
    await Promise.all([roomStore.exit('r', 'c1'), roomStore.enter('r', 'c2', 'bob')]);
    expect(await roomStore.count('r')).toEqual({ users: 1, connections: 1 });
  });

  it('adds its connections again after Redis has lost them', async () => {
    const [a, b] = [node().roomStore, node().roomStore];
    await a.enter('r', 'c1', 'alice');
    await b.enter('r', 'c2', 'bob');
    await admin.flushall();
    await eventually(async () => (await a.count('r')).connections === 2);
    await a.exit('r', 'c1');
    expect(await b.count('r')).toEqual({ users: 1, connections: 1 });
  });

  it('leaves no key behind when all members have left or every node was killed', async () => {
    const keys = async () => (await admin.keys('*{room:*')).length;
    const a = node().roomStore;
    await a.enter('r', 'c1', 'alice');
    expect(await keys()).toBeGreaterThan(0);
    await a.exit('r', 'c1');
    expect(await keys()).toBe(0);
    const line = await FaultyProxy.start(server.port);
    open.push(line);
    await node(line.url).roomStore.enter('r', 'c2', 'bob');
    line.isRefusing = true;
    line.cut();
    await eventually(async () => (await keys()) === 0);
  });
});
