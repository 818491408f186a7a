import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const PROMPT = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
/** The settings that docs/redis.md asks for. */
const SAFE = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
/** The shortest time in which Sentinel promotes a replica, with `down-after-milliseconds 1000`. Milliseconds. */
const FAIL_OVER = 2_000;

describeWithRedis('two primaries at once', () => {
  let servers: RedisServer[];
  let nodes: RedisStores[];

  beforeEach(() => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    [servers, nodes] = [[], []];
  });

  afterEach(async () => {
    await Promise.all(nodes.map(stores => stores.close()));
    await Promise.all(servers.map(server => server.close()));
    jest.restoreAllMocks();
  });

  const newServer = async (options: string[]) => {
    const server = await RedisServer.start([...PROMPT, ...options]);
    servers.push(server);
    return server;
  };
  const newNode = async ({ url }: RedisServer) => {
    const stores = redisStores({ url, clockDrift: 50 });
    nodes.push(stores);
    await stores.ready();
    return stores;
  };
  const use = ({ nonceStore }: RedisStores, nonce: string, madeAt: number) =>
    nonceStore.useNonce('key', nonce, madeAt + 60_000, madeAt).catch(() => false);
  /** Separates the primary from its replicas, of which one becomes a primary. @returns a node on each side */
  const separate = async (settings: string[]) => {
    const old = await newServer(settings);
    const replicaOf = ['--replicaof', '127.0.0.1', `${old.port}`];
    const replicas = [
      await newServer([...settings, ...replicaOf]),
      await newServer([...settings, ...replicaOf]),
    ] as const;
    const [admin, next, other] = [old, ...replicas].map(server => server.client());
    await eventually(async () => (await admin!.info()).includes('connected_slaves:2'));
    const here = await newNode(old);
    await eventually(() => use(here, `${Math.random()}`, Date.now()));
    for (const replica of [next, other]) await replica!.call('REPLICAOF', '127.0.0.1', '1');
    await pause(FAIL_OVER);
    await next!.call('REPLICAOF', 'NO', 'ONE');
    await other!.call('REPLICAOF', '127.0.0.1', replicas[0].port);
    await eventually(async () => (await next!.info()).includes('connected_slaves:1'));
    return { here, there: await newNode(replicas[0]) };
  };

  it('accept an event once between them with the advised min-replicas settings', async () => {
    const { here, there } = await separate(SAFE);
    await eventually(() => use(there, `${Math.random()}`, Date.now()));
    const madeAt = Date.now();
    expect(await use(here, 'nonce', madeAt)).toBe(false);
    expect(await use(there, 'nonce', madeAt)).toBe(true);
  });

  it('both accept an event without these settings', async () => {
    const { here, there } = await separate([]);
    await eventually(() => use(there, `${Math.random()}`, Date.now()));
    const madeAt = Date.now();
    expect(await use(here, 'nonce', madeAt)).toBe(true);
    expect(await use(there, 'nonce', madeAt)).toBe(true);
  });
});
