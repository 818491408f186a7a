// 100 MiB for a client that stops reading: by how much the server grows, how the client ends, and what another client
// notices. In two ways: a handler sends them, or the client asks for them by events that are echoed. Each on a server
// just started (cold), and once it has served as much to a client that reads (warm); beside ws alone, unbounded and
// with the least that bounds it. The peak is the kernel's own (VmHWM), so this needs Linux.
// Usage: npm run build && npx nest build && node bench/slow-reader.js
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

async function measure(name, way) {
  const server = await Server.start(name);
  const token = name.endsWith('-ws') ? undefined : tokenFor(name);
  const round = async isReading => {
    const { run } = await load(server.port, token, way, isReading);
    const growth = server.growth();
    const result = await server.meanwhile(run(), token);
    return { growth: growth(), ...result };
  };
  const cold = await round(false);
  const read = [];
  for (let times = 0; times < WARM_ROUNDS; times++) {
    read.push(await round(true));
    if (read[times].received < FLOOD_BYTES) throw new Error(`${name} cut off a client that reads`);
  }
  const warm = await round(false);
  server.process.kill();
  await once(server.process, 'exit');
  return {
    server: name,
    way,
    'cold: peak MiB': cold.growth.toFixed(1),
    'warm: peak MiB': warm.growth.toFixed(1),
    '(read: peak MiB)': read[0].growth.toFixed(1),
    close: `${cold.code} ${warm.code}`,
    'after ms': `${cold.closedAfter} ${warm.closedAfter}`,
    "other's slowest ms": Math.max(cold.slowest, warm.slowest).toFixed(1),
  };
}

function tokenFor(name) {
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
