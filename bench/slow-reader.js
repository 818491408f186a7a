// 100 MiB for a client that stops reading: by how much the server's resident memory grows at its peak, how the client
// ends, and what another client notices. In two ways: a handler sends them, or the client asks for them by events that
// are echoed. Each on a server just started (cold), on one just started whose young generation V8 may not let grow (its
// 16 MiB are touched for the first time else, by whoever sends 60 kB events, reading or not), and on one that has served
// twice as much to clients that read (warm); beside ws alone, unbounded and with the least that bounds it. The peak, and
// how long a thread has waited for a processor, are the kernel's own (VmHWM, schedstat), so this needs Linux.
// Usage: npm run build && npx nest build && node bench/slow-reader.js [server]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { JwtService } from '@nestjs/jwt';
import { WebSocket } from 'ws';
import { FLOOD_BYTES, JWT_SECRET, RING_KEY } from './servers/settings.js';

const WARM_ROUNDS = 2;
/** MiB of one half of V8's young generation, where it may not grow. */
const SMALL_YOUNG_GENERATION = ['--max-semi-space-size=2'];
/** From one round trip of the other client to the next, in milliseconds: what it sends is garbage of the server, too. */
const PACE = 20;

class Server {
  static async start(name, flags = []) {
    const server = new Server();
    server.name = name;
    server.flags = flags;
    if (name === 'quickstart') await server.startQuickstart();
    else await server.fork(`./servers/${name}.js`);
    return server;
  }

  async fork(path, env = {}) {
    this.process = fork(new URL(path, import.meta.url), {
      env: { ...process.env, ...env },
      execArgv: this.flags,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    if (env.PORT) {
      this.port = env.PORT;
      while (!(await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => undefined)))
        await wait(50);
    } else {
      [{ port: this.port }] = await once(this.process, 'message');
    }
  }

  /** With no limit on messages: it is the queue that is to hold. */
  async startQuickstart() {
    await this.fork('../build/01-quickstart/main.js', {
      PORT: `${await freePort()}`,
      JWT_SECRET,
      SEMANTIC_EVENTS_KEYS: `${RING_KEY.id}:${RING_KEY.secret}`,
      MESSAGE_RATE: '1000000',
      MESSAGE_BURST: '1000000',
    });
  }

  async stop() {
    this.process.kill();
    await once(this.process, 'exit');
  }

  /** A member of /proc/<pid>/status, in MiB. */
  memory(member) {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(new RegExp(`${member}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  }

  /** Starts a measurement. @returns by how much memory has grown since, at its peak, in MiB */
  growth() {
    writeFileSync(`/proc/${this.process.pid}/clear_refs`, '5');
    const before = this.memory('VmRSS');
    return () => this.memory('VmHWM') - before;
  }

  /**
   * What the load does, and the slowest round trip of another client meanwhile, in milliseconds: by the clock, and
   * without what server and client have waited for a processor, which on a busy machine is most of it.
   */
  async meanwhile(load, token) {
    const other = await connect(this.port, token);
    let isOver = false;
    const result = load.finally(() => (isOver = true));
    let slowest = 0;
    let slowestRunning = 0;
    while (!isOver) {
      const start = performance.now();
      const waitedBefore = waited(this.process.pid) + waited(process.pid);
      other.send(JSON.stringify({ type: 'ping' }));
      await once(other, 'message');
      const time = performance.now() - start;
      const waiting = waited(this.process.pid) + waited(process.pid) - waitedBefore;
      slowest = Math.max(slowest, time);
      slowestRunning = Math.max(slowestRunning, time - waiting);
      await wait(PACE);
    }
    other.terminate();
    return { ...(await result), slowest, slowestRunning };
  }
}

/** How long the main thread of a process has waited for a processor so far, in milliseconds. */
function waited(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function connect(port, token) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
  await once(socket, 'open');
  if (token) {
    socket.send(JSON.stringify({ type: 'auth', token }));
    await once(socket, 'message');
  }
  return socket;
}

/** The load has a thread of its own, so that what the other client notices is the server's doing. */
async function load(port, token, way, isReading) {
  const worker = new Worker(new URL('./servers/slow-client.js', import.meta.url), {
    workerData: { port, token, way, isReading },
  });
  await once(worker, 'message');
  return {
    run: async () => {
      const done = once(worker, 'message');
      worker.postMessage('go');
      const [result] = await done;
      await worker.terminate();
      return result;
    },
  };
}

async function round(server, way, isReading) {
  const token = tokenFor(server.name);
  const { run } = await load(server.port, token, way, isReading);
  const growth = server.growth();
  const result = await server.meanwhile(run(), token);
  if (isReading && result.received < FLOOD_BYTES)
    throw new Error(`${server.name} cut off a client that reads`);
  return { growth: growth(), ...result };
}

/** What becomes of a server just started. */
async function fresh(name, way, { isReading, flags }) {
  const server = await Server.start(name, flags);
  const result = await round(server, way, isReading);
  await server.stop();
  return result;
}

async function measure(name, way) {
  // Nothing of what it grows by where the client does read is due to one that does not.
  const read = await fresh(name, way, { isReading: true });
  const small = await fresh(name, way, { isReading: false, flags: SMALL_YOUNG_GENERATION });
  const server = await Server.start(name);
  const cold = await round(server, way, false);
  for (let times = 0; times < WARM_ROUNDS; times++) await round(server, way, true);
  const warm = await round(server, way, false);
  await server.stop();
  const largest = member => Math.max(cold[member], warm[member], small[member]).toFixed(1);
  return {
    server: name,
    way,
    'cold, MiB': cold.growth.toFixed(1),
    'cold, young generation of 2 MiB': small.growth.toFixed(1),
    'cold, if it reads, MiB': read.growth.toFixed(1),
    'warm, MiB': warm.growth.toFixed(1),
    'closed with': `${cold.code} ${warm.code}`,
    'ms after it reads again': `${cold.closedAfter} ${warm.closedAfter}`,
    "other's slowest, ms": largest('slowest'),
    'without waiting for a processor': largest('slowestRunning'),
  };
}

function tokenFor(name) {
  if (name.endsWith('-ws')) return undefined;
  const issuer = name === 'quickstart' ? { issuer: 'quickstart', audience: 'quickstart' } : {};
  return new JwtService({}).sign(
    { sub: 'alice' },
    { secret: JWT_SECRET, expiresIn: 3600, ...issuer },
  );
}

const results = [];
for (const [name, ways] of [
  ['bare-ws', ['sent', 'echoed']],
  ['bounded-ws', ['sent', 'echoed']],
  ['protected', ['sent', 'echoed']],
  ['quickstart', ['echoed']],
].filter(([name]) => !process.argv[2] || process.argv[2] === name))
  for (const way of ways) results.push(await measure(name, way));
console.table(results);
console.log(JSON.stringify(results));
