// 100 MiB for a client that stops reading: by how much the server's resident memory grows at its peak, how the client
// ends, and what another client notices. In two ways: a handler sends them, or the client asks for them by events that
// are echoed. Each on a server just started (cold), where V8 touches its young generation for the first time whoever
// reads or not, and on one that has served twice as much to clients that read (warm); beside ws alone, unbounded and
// with the least that bounds it. The peak is the kernel's own (VmHWM), so this needs Linux.
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

class Server {
  static async start(name) {
    const server = new Server();
    server.name = name;
    if (name === 'quickstart') await server.startQuickstart();
    else await server.fork(`./servers/${name}.js`);
    return server;
  }

  async fork(path, env = {}) {
    this.process = fork(new URL(path, import.meta.url), {
      env: { ...process.env, ...env },
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

  /** What the load does, and the slowest round trip of another client meanwhile, in milliseconds. */
  async meanwhile(load, token) {
    const other = await connect(this.port, token);
    let isOver = false;
    const result = load.finally(() => (isOver = true));
    let slowest = 0;
    while (!isOver) {
      const start = performance.now();
      other.send(JSON.stringify({ type: 'ping' }));
      await once(other, 'message');
      slowest = Math.max(slowest, performance.now() - start);
      await wait(1);
    }
    other.terminate();
    return { ...(await result), slowest };
  }
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

/** What a server just started grows by where the client does read: nothing of that is due to one that does not. */
async function control(name, way) {
  const server = await Server.start(name);
  const { growth } = await round(server, way, true);
  await server.stop();
  return growth;
}

async function measure(name, way) {
  const read = await control(name, way);
  const server = await Server.start(name);
  const cold = await round(server, way, false);
  for (let times = 0; times < WARM_ROUNDS; times++) await round(server, way, true);
  const warm = await round(server, way, false);
  await server.stop();
  return {
    server: name,
    way,
    'cold, MiB': cold.growth.toFixed(1),
    'cold, if it reads, MiB': read.toFixed(1),
    'warm, MiB': warm.growth.toFixed(1),
    'closed with': `${cold.code} ${warm.code}`,
    'ms after it reads again': `${cold.closedAfter} ${warm.closedAfter}`,
    "other's slowest, ms": Math.max(cold.slowest, warm.slowest).toFixed(1),
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
