import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const SETTLE = 240;
const MINUTE = 60_000;

/** A proxy whose clients keep their connection when another Redis takes over. */
class Proxy {
  private readonly clients = new Map<Socket, Socket>();
  private readonly server: Server;

  constructor(private port: number) {
    this.server = createServer(client => {
      client.on('data', bytes => this.clients.get(client)?.write(bytes));
      client.on('error', () => undefined);
      client.on('close', () => this.clients.get(client)?.destroy());
      this.route(client);
    }).listen(0, '127.0.0.1');
  }

  async url(): Promise<string> {
    if (!this.server.listening) await once(this.server, 'listening');
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  switchTo(port: number): void {
    this.port = port;
    for (const client of this.clients.keys()) this.route(client);
  }

  close(): void {
    this.server.close();
    for (const client of this.clients.keys()) client.destroy();
  }

  private route(client: Socket): void {
    this.clients.get(client)?.destroy();
    const upstream = connect(this.port, '127.0.0.1');
    upstream.on('data', bytes => client.write(bytes));
    upstream.on('error', () => undefined);
    this.clients.set(client, upstream);
  }
}

describeWithRedis('a Redis without the latest nonces', () => {
  let server: RedisServer;
  let open: RedisStores[];

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    server = await RedisServer.start();
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map(stores => stores.close()));
    await server.close();
  });

  const running = async (url = server.url) => {
    const stores = redisStores({ url, clockDrift: SETTLE, commandTimeout: 5_000 });
    open.push(stores);
    await stores.ready();
    return stores;
  };
  const use = ({ nonceStore }: RedisStores, madeAt: number) =>
    nonceStore
      .use('nonce', madeAt + MINUTE, madeAt)
      .then(isNew => (isNew ? 'accepted' : 'known'))
      .catch((error: unknown) => (error as { code: string }).code);

  it('accepts nothing twice when it restarts during a flood of replays', async () => {
    const [node, other] = [await running(), await running()];
    const madeAt = Date.now();
    await server.client().save();
    expect(await use(node, madeAt)).toBe('accepted');
    await server.kill();
    const answers = new Set<string>();
    let isOver = false;
    const replay = () => {
      void use(other, madeAt).then(answer => answers.add(answer));
      if (!isOver) setImmediate(replay);
    };
    replay();
    await server.restart();
    await eventually(() => answers.has('EVENT_EXPIRED') || answers.has('accepted'));
    isOver = true;
    expect(answers).not.toContain('accepted');
  });

  it('accepts nothing twice when it takes over behind a proxy, unnoticed by the nodes', async () => {
    await server.client().config('SET', 'repl-diskless-sync-delay', 0);
    const standby = await RedisServer.start(['--replicaof', '127.0.0.1', `${server.port}`]);
    const proxy = new Proxy(server.port);
    try {
      const [node, other] = [await running(), await running(await proxy.url())];
      const admin = standby.client();
      while ((await admin.keys('*memory')).length === 0) await pause(5);
      await admin.call('REPLICAOF', 'NO', 'ONE');
      const madeAt = Date.now();
      expect(await use(node, madeAt)).toBe('accepted');
      proxy.switchTo(standby.port);
      await pause(2 * SETTLE);
      expect(await use(other, madeAt)).not.toBe('accepted');
    } finally {
      proxy.close();
      await standby.close();
    }
  });
});
