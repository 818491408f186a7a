// 100 MiB for a client that stops reading: by how much the server's resident memory grows at its peak, how the client
// ends, and what another client notices. In two ways: a handler sends them, or the client asks for them by events that
// are echoed. Each on a server just started (cold), where V8 touches its young generation for the first time whoever
// reads or not, and on one that has served twice as much to clients that read (warm); beside ws alone, unbounded and
// with the least that bounds it. The peak is the kernel's own (VmHWM), so this needs Linux.
// Usage: npm run build && npx nest build && node bench/slow-reader.js [--server name]
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { JwtService } from '@nestjs/jwt';
import { comparison } from './measuring/comparison.js';
import { logIn, open } from './measuring/dialects.js';
import { ServerProcess } from './measuring/server-process.js';
import { FLOOD_BYTES } from './servers/flood.js';
import { JWT_SECRET } from './servers/settings.js';

const WARM_ROUNDS = 2;

/** The ways each server can send. */
const SERVERS = {
  'echo-ws': ['sent', 'echoed'],
  'echo-ws-bounded': ['sent', 'echoed'],
  protected: ['sent', 'echoed'],
  quickstart: ['echoed'],
};

/** A member of /proc/<pid>/status, in MiB. */
function memoryOf({ process: { pid } }, member) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${member}:\\s+(\\d+)`).exec(status)[1]) / 1024;
}

/** Starts a measurement. @returns by how much memory has grown since, at its peak, in MiB */
function growthOf(server) {
  writeFileSync(`/proc/${server.process.pid}/clear_refs`, '5');
  const before = memoryOf(server, 'VmRSS');
  return () => memoryOf(server, 'VmHWM') - before;
}

/** What the load does, and the slowest round trip of another client meanwhile, in milliseconds. */
async function meanwhile(load, { port }, token) {
  const other = token ? (await logIn(port, token)).socket : await open(urlOf(port));
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

/** The load has a thread of its own, so that what the other client notices is the server's doing. */
async function load(port, token, way, isReading) {
  const worker = new Worker(new URL('./measuring/slow-client.js', import.meta.url), {
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
  const token = tokenOf(server.name);
  const { run } = await load(server.port, token, way, isReading);
  const growth = growthOf(server);
  const result = await meanwhile(run(), server, token);
  if (isReading && result.received < FLOOD_BYTES)
    throw new Error(`${server.name} cut off a client that reads`);
  return { growth: growth(), ...result };
}

/** What a server just started grows by where the client does read: nothing of that is due to one that does not. */
async function control(name, way) {
  const server = await ServerProcess.start(name);
  const { growth } = await round(server, way, true);
  await server.stop();
  return growth;
}

async function measure(name, way) {
  const read = await control(name, way);
  const server = await ServerProcess.start(name);
  const cold = await round(server, way, false);
  for (let times = 0; times < WARM_ROUNDS; times++) await round(server, way, true);
  const warm = await round(server, way, false);
  await server.stop();
  return {
    server: name,
    way,
    'cold, MiB': cold.growth,
    'cold, if it reads, MiB': read,
    'warm, MiB': warm.growth,
    'closed with': `${cold.code} ${warm.code}`,
    'ms after it reads again': `${cold.closedAfter} ${warm.closedAfter}`,
    "other's slowest, ms": Math.max(cold.slowest, warm.slowest),
  };
}

const urlOf = port => `ws://127.0.0.1:${port}/events`;

function tokenOf(name) {
  if (name.startsWith('echo-ws')) return undefined;
  const issuer = name === 'quickstart' ? { issuer: 'quickstart', audience: 'quickstart' } : {};
  return new JwtService({}).sign(
    { sub: 'alice' },
    { secret: JWT_SECRET, expiresIn: 3600, ...issuer },
  );
}

await comparison(import.meta, {}, async options => {
  const isBuilt = existsSync(new URL('../build/01-quickstart/main.js', import.meta.url));
  const names = Object.keys(SERVERS).filter(name => isBuilt || name !== 'quickstart');
  const rows = [];
  for (const name of options.server ? [options.server] : names)
    for (const way of SERVERS[name]) rows.push(await measure(name, way));
  return {
    notes: isBuilt ? [] : ['Without the quickstart: npx nest build makes it.'],
    tables: { 'A client that stops reading': rows },
  };
});
