// Runs servers of Redis for the soak: one alone, a primary with a replica and Sentinels, and a cluster.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis as Client } from 'ioredis';

/** Another server, such as valkey-server, if the variable names it. */
const SERVER = process.env.REDIS_SERVER ?? 'redis-server';
const CLI = SERVER.replace(/-server$/, '-cli');

// Nonces must survive both processes, so Redis writes them to disk.
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

const processes = new Set();
process.on('exit', () => {
  for (const child of processes) child.kill('SIGKILL');
});

/** A server that is killed, stopped and restarted. It keeps its data on disk. */
export class Redis {
  #directory = mkdtempSync(join(tmpdir(), 'semantic-events-soak-'));
  #process;
  #args;
  #env;
  #configuration;
  #admin;
  port;

  /** @param settings `args` beside the durable ones; `env`; `sentinel`: the configuration that makes it a Sentinel */
  constructor({ args = [], env = {}, sentinel } = {}) {
    this.#args = args;
    this.#env = env;
    this.#configuration = sentinel;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  get address() {
    return { host: '127.0.0.1', port: this.port };
  }

  /** A client of this server only, for the faults. */
  get admin() {
    const options = { retryStrategy: () => 50, maxRetriesPerRequest: 3, commandTimeout: 2_000 };
    this.#admin ??= new Client(this.url, options).on('error', () => undefined);
    return this.#admin;
  }

  async start() {
    this.port ??= await freePort();
    const place = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#directory];
    this.#process = spawn(SERVER, [...this.#mode(), ...place, ...this.#args], {
      stdio: 'ignore',
      env: { ...process.env, ...this.#env },
    });
    processes.add(this.#process);
    while (!(await this.#answers())) await wait(50);
    return this;
  }

  async kill() {
    processes.delete(this.#process);
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  stop() {
    this.#process.kill('SIGSTOP');
  }

  resume() {
    this.#process.kill('SIGCONT');
  }

  async freeze(milliseconds) {
    this.stop();
    await wait(milliseconds);
    this.resume();
  }

  async close() {
    this.#admin?.disconnect();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** A Sentinel needs a file that it can rewrite. */
  #mode() {
    if (!this.#configuration) return DURABLE;
    const file = join(this.#directory, 'sentinel.conf');
    writeFileSync(file, this.#configuration);
    return [file, '--sentinel'];
  }

  async #answers() {
    const socket = createConnection(this.port, '127.0.0.1');
    const answer = await new Promise(resolve => {
      socket.on('error', () => resolve(''));
      socket.on('data', data => resolve(data.toString()));
      socket.write('PING\r\n');
    });
    socket.destroy();
    return answer.startsWith('+PONG');
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** A library that shifts the wall clock of a process; undefined without a C compiler. */
export function shiftedClock() {
  const directory = mkdtempSync(join(tmpdir(), 'semantic-events-clock-'));
  const [library, file] = [join(directory, 'clock.so'), join(directory, 'shift')];
  const source = new URL('./shifted-clock.c', import.meta.url).pathname;
  if (spawnSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, source]).status !== 0)
    return undefined;
  const set = milliseconds => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(milliseconds));
    // The process has mapped the file: change it in place.
    writeFileSync(file, bytes, { flag: existsSync(file) ? 'r+' : 'w' });
  };
  set(0);
  return { set, env: { LD_PRELOAD: library, SHIFT_FILE: file } };
}

/** A replica receives the data of its primary at once. */
const PROMPT = ['--repl-diskless-sync-delay', '0'];

/** A primary with a replica, which three Sentinels promote. */
export class Sentinels {
  servers = [];
  #sentinels = [];

  async start() {
    const primary = await new Redis({ args: PROMPT }).start();
    const replicaOf = ['--replicaof', '127.0.0.1', `${primary.port}`];
    this.servers = [primary, await new Redis({ args: [...PROMPT, ...replicaOf] }).start()];
    const sentinel = [
      `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 3000',
    ].join('\n');
    for (let index = 0; index < 3; index++)
      this.#sentinels.push(await new Redis({ sentinel }).start());
    await until(async () => {
      const known = await Promise.all(
        this.#sentinels.map(async ({ admin }) => {
          const fields = await admin.call('SENTINEL', 'MASTER', 'main');
          const valueOf = name => fields[fields.indexOf(name) + 1];
          return `${valueOf('num-slaves')} ${valueOf('num-other-sentinels')}`;
        }),
      );
      return known.every(text => text === '1 2');
    });
    await this.isWhole();
    return this;
  }

  get connection() {
    return { sentinels: this.#sentinels.map(({ address }) => address) };
  }

  /** The server that the Sentinels name. */
  async primary() {
    const [{ admin }] = this.#sentinels;
    const [, port] = await admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main');
    return this.servers.find(server => server.port === Number(port));
  }

  /** Asks for a fail-over, as an operator does. */
  failOver() {
    const [{ admin }] = this.#sentinels;
    return until(() => admin.call('SENTINEL', 'FAILOVER', 'main').then(Boolean, () => false));
  }

  /** Waits until another server is the primary. */
  async hasReplaced(former) {
    await until(async () => {
      const primary = await this.primary();
      return primary !== former && (await isPrimary(primary));
    });
  }

  /** Waits until the replica follows the primary, so that the next fail-over can begin. */
  async isWhole() {
    await until(async () => {
      const primary = await this.primary();
      const replica = this.servers.find(server => server !== primary);
      const info = await replica.admin.info('replication');
      return info.includes('role:slave') && info.includes('master_link_status:up');
    });
  }

  async close() {
    for (const server of [...this.#sentinels, ...this.servers]) await server.close();
  }
}

/** Three masters with a replica each. Nodes know the addresses of two servers. */
export class Cluster {
  servers = [];

  async start() {
    const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', ...PROMPT];
    for (let index = 0; index < 6; index++) {
      const bus = ['--cluster-port', `${await freePort()}`];
      this.servers.push(await new Redis({ args: [...options, ...bus] }).start());
    }
    const addresses = this.servers.map(({ port }) => `127.0.0.1:${port}`);
    await redisCli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
    await this.isWhole();
    return this;
  }

  get connection() {
    return { cluster: this.servers.slice(0, 2).map(({ address }) => address) };
  }

  /** The servers that have hash slots. */
  async masters() {
    const answers = await Promise.all(this.servers.map(server => isPrimary(server)));
    return this.servers.filter((_, index) => answers[index]);
  }

  /** A replica of a server. */
  async replicaOf({ port }) {
    for (const server of this.servers) {
      const info = await server.admin.info('replication').catch(() => '');
      if (info.includes('role:slave') && info.includes(`master_port:${port}\r`)) return server;
    }
    throw new Error('a master has no replica');
  }

  /** Moves a part of the hash slots from one master to another. */
  async moveSlots(from, to, count) {
    const ids = await Promise.all([from, to].map(({ admin }) => admin.call('CLUSTER', 'MYID')));
    const places = [
      '--cluster-from',
      ids[0],
      '--cluster-to',
      ids[1],
      '--cluster-slots',
      `${count}`,
    ];
    await redisCli('--cluster', 'reshard', `127.0.0.1:${from.port}`, ...places, '--cluster-yes');
  }

  /** Waits until all servers but one serve all hash slots. */
  async isServing(except) {
    const servers = this.servers.filter(server => server !== except);
    await until(async () => {
      const infos = await Promise.all(
        servers.map(({ admin }) => admin.cluster('INFO').catch(() => '')),
      );
      const masters = await this.masters();
      const count = masters.filter(server => server !== except).length;
      return count === 3 && infos.every(info => info.includes('cluster_state:ok'));
    });
  }

  /** Waits until each master has a replica that follows it, so that the next fail-over can begin. */
  async isWhole() {
    await this.isServing();
    await until(async () => {
      const infos = await Promise.all(
        this.servers.map(({ admin }) => admin.info('replication').catch(() => '')),
      );
      return infos.filter(info => info.includes('master_link_status:up')).length === 3;
    });
  }

  async close() {
    for (const server of this.servers) await server.close();
  }
}

function isPrimary({ admin }) {
  return admin.info('replication').then(
    info => info.includes('role:master'),
    () => false,
  );
}

async function redisCli(...args) {
  await promisify(execFile)(CLI, args);
}

/** Waits until a condition holds. A Sentinel whose process was delayed waits for 30 s before it does anything. */
async function until(condition) {
  const end = performance.now() + 90_000;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > end) throw new Error('the servers of Redis did not get ready in time');
    await wait(20);
  }
}
