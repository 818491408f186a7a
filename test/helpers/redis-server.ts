import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, type ClusterOptions, Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { describeWith } from './describe-with.js';
import { freePort } from './free-port.js';

/** Tests run on another server, such as valkey-server, if the variable names it. */
const REDIS_SERVER = process.env.REDIS_SERVER ?? 'redis-server';
const REDIS_CLI = REDIS_SERVER.replace(/-server$/, '-cli');

const HAS_REDIS = [REDIS_SERVER, REDIS_CLI].every(
  binary => spawnSync(binary, ['--version']).status === 0,
);

/** Runs a suite that needs its own Redis. */
export const describeWithRedis = describeWith(
  'redis-server and redis-cli',
  HAS_REDIS,
  'redis-server',
);

const START_ATTEMPTS = 5;

/** A Redis for one test on a free local port. It can be killed, stopped and restarted. */
export class RedisServer {
  private readonly directory = mkdtempSync(join(tmpdir(), 'semantic-events-redis-'));
  private process: ChildProcess | undefined;
  private readonly clients: Redis[] = [];
  /** The arguments that make it a Sentinel, which needs a file that it can rewrite. */
  private mode: string[] = [];

  private constructor(
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  static async start(options: readonly string[] = [], sentinel?: string): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await freePort(), options);
      if (sentinel !== undefined) server.becomeSentinel(sentinel);
      try {
        await server.restart();
        return server;
      } catch (error) {
        await server.close();
        // Another process may have taken the port in the meantime.
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Returns a client for the test. It is closed with the server. */
  client(): Redis {
    const client = new Redis(this.url);
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  /** Restarts it without data on the same port. */
  async restart(): Promise<void> {
    const socket = join(this.directory, 'redis.sock');
    const settings = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', ''];
    const places = ['--dir', this.directory, '--unixsocket', socket, '--logfile', 'redis.log'];
    const child = spawn(REDIS_SERVER, [...this.mode, ...settings, ...places, ...this.options], {
      stdio: 'ignore',
    });
    this.process = child;
    await eventually(() => {
      if (child.exitCode !== null) throw new Error('redis-server did not start');
      return spawnSync(REDIS_CLI, ['-p', `${this.port}`, 'ping']).status === 0;
    });
  }

  private becomeSentinel(configuration: string): void {
    const file = join(this.directory, 'sentinel.conf');
    writeFileSync(file, configuration);
    this.mode = [file, '--sentinel'];
  }

  async kill(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Sends SIGSTOP: the server accepts connections and bytes, and answers nothing. */
  stop(): void {
    this.process?.kill('SIGSTOP');
  }

  cont(): void {
    this.process?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    for (const client of this.clients) {
      if (client.status === 'end') continue;
      // A client that waits to reconnect ends without an event.
      const gone = client.status === 'reconnecting' ? undefined : once(client, 'end');
      client.disconnect();
      await gone;
    }
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const CLUSTER = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];
const SLOTS = 16_384;

/** Servers that share the hash slots of a cluster. At first there are three. */
export class RedisClusterServers {
  private constructor(private readonly servers: RedisServer[]) {}

  static async start(): Promise<RedisClusterServers> {
    const servers: RedisServer[] = [];
    for (let node = 0; node < 3; node++) servers.push(await startMaster());
    await redisCli('--cluster', 'create', ...servers.map(addressOf), '--cluster-yes');
    const cluster = new RedisClusterServers(servers);
    await cluster.isWhole();
    return cluster;
  }

  /** Moves hash slots with their keys, from the first master to the second unless others are given. */
  async moveSlots(count: number, from = this.servers[0]!, to = this.servers[1]!): Promise<void> {
    const places = ['--cluster-from', idOf(from), '--cluster-to', idOf(to)];
    const slots = ['--cluster-slots', `${count}`, '--cluster-yes'];
    await redisCli('--cluster', 'reshard', addressOf(from), ...places, ...slots);
  }

  /** Replaces the master with the log of the mesh: a new one takes over all its slots, and then the old one is gone. */
  async replaceMaster(): Promise<void> {
    const [other, old] = this.servers as [RedisServer, RedisServer];
    const master = await startMaster();
    this.servers.push(master);
    await redisCli('--cluster', 'add-node', addressOf(master), addressOf(other));
    await this.isWhole();
    await this.moveSlots(SLOTS, old, master);
    await redisCli('--cluster', 'del-node', addressOf(other), idOf(old));
    this.servers.splice(1, 1);
    await old.close();
    await this.isWhole();
  }

  private async isWhole(): Promise<void> {
    const known = `cluster_known_nodes:${this.servers.length}`;
    await eventually(() =>
      this.servers
        .map(({ port }) => execFileSync(REDIS_CLI, ['-p', `${port}`, 'cluster', 'info']).toString())
        .every(info => info.includes('cluster_state:ok') && info.includes(known)),
    );
  }

  /** @param seeds the configured servers */
  client(seeds = this.ports, options: ClusterOptions = {}): Cluster {
    return new Cluster(
      seeds.map(port => ({ host: '127.0.0.1', port })),
      options,
    );
  }

  /** Makes the servers name themselves by ports that only a NAT knows. @returns the map of the NAT */
  async hideBehindNat(): Promise<Record<string, { host: string; port: number }>> {
    const nat: Record<string, { host: string; port: number }> = {};
    for (const port of this.ports) {
      const hidden = await freePort();
      execFileSync(REDIS_CLI, [
        '-p',
        `${port}`,
        'config',
        'set',
        'cluster-announce-port',
        `${hidden}`,
      ]);
      nat[`127.0.0.1:${hidden}`] = { host: '127.0.0.1', port };
    }
    await eventually(() =>
      this.ports.every(port => {
        const slots = execFileSync(REDIS_CLI, ['-p', `${port}`, 'cluster', 'nodes']).toString();
        return Object.keys(nat).every(address => slots.includes(`${address}@`));
      }),
    );
    return nat;
  }

  get ports(): number[] {
    return this.servers.map(({ port }) => port);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map(server => server.close()));
  }
}

async function startMaster(): Promise<RedisServer> {
  return RedisServer.start([...CLUSTER, '--cluster-port', `${await freePort()}`]);
}

function addressOf({ port }: RedisServer): string {
  return `127.0.0.1:${port}`;
}

function idOf({ port }: RedisServer): string {
  return execFileSync(REDIS_CLI, ['-p', `${port}`, 'cluster', 'myid'])
    .toString()
    .trim();
}

async function redisCli(...args: string[]): Promise<void> {
  const child = spawn(REDIS_CLI, args, { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`redis-cli ${args.join(' ')} ended with ${code}`);
}
