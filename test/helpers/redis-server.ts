import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { describeWith } from './describe-with.js';
import { freePort } from './free-port.js';

const HAS_REDIS = ['redis-server', 'redis-cli'].every(
  binary => spawnSync(binary, ['--version']).status === 0,
);

/** A suite that needs a Redis of its own. */
export const describeWithRedis = describeWith(
  'redis-server and redis-cli',
  HAS_REDIS,
  'redis-server',
);

const START_ATTEMPTS = 5;

/** A Redis of a test's own, on a free port of this machine, that can be killed, stopped and started again. */
export class RedisServer {
  private readonly directory = mkdtempSync(join(tmpdir(), 'semantic-events-redis-'));
  private process: ChildProcess | undefined;
  private readonly clients: Redis[] = [];

  private constructor(
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  static async start(options: readonly string[] = []): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await freePort(), options);
      try {
        await server.restart();
        return server;
      } catch (error) {
        await server.close();
        // Somebody else may have taken the port meanwhile.
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A client of the test's own, closed with the server. */
  client(): Redis {
    const client = new Redis(this.url);
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  /** Starts it, empty, on the port it had. */
  async restart(): Promise<void> {
    const socket = join(this.directory, 'redis.sock');
    const settings = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', ''];
    const places = ['--dir', this.directory, '--unixsocket', socket, '--logfile', 'redis.log'];
    const child = spawn('redis-server', [...settings, ...places, ...this.options], {
      stdio: 'ignore',
    });
    this.process = child;
    await eventually(() => {
      if (child.exitCode !== null) throw new Error('redis-server did not start');
      return spawnSync('redis-cli', ['-p', `${this.port}`, 'ping']).status === 0;
    });
  }

  async kill(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** SIGSTOP: it takes connections and bytes, and answers nothing. */
  stop(): void {
    this.process?.kill('SIGSTOP');
  }

  cont(): void {
    this.process?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    for (const client of this.clients) {
      if (client.status === 'end') continue;
      // One that waits to reconnect goes without a word.
      const gone = client.status === 'reconnecting' ? undefined : once(client, 'end');
      client.disconnect();
      await gone;
    }
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Three servers that share the hash slots between them. */
export class RedisClusterServers {
  private constructor(private readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<RedisClusterServers> {
    const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];
    const servers: RedisServer[] = [];
    for (let node = 0; node < 3; node++) {
      const bus = ['--cluster-port', `${await freePort()}`];
      servers.push(await RedisServer.start([...options, ...bus]));
    }
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
    await eventually(() =>
      servers.every(({ port }) =>
        execFileSync('redis-cli', ['-p', `${port}`, 'cluster', 'info'])
          .toString()
          .includes('cluster_state:ok'),
      ),
    );
    return new RedisClusterServers(servers);
  }

  client(): Cluster {
    return new Cluster(this.servers.map(({ port }) => ({ host: '127.0.0.1', port })));
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map(server => server.close()));
  }
}
