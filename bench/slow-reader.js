// 100 MiB for a client that stops reading: by how much the server's resident memory grows at its peak, how the client
// ends, and what another client notices. In two ways: a handler sends them, or the client asks for them by events that
// are echoed. Each on a server just started (cold), on one just started whose young generation V8 may not let grow (its
// 16 MiB are touched for the first time else, by whoever sends 60 kB events, reading or not), and on one that has served
// twice as much to clients that read (warm); beside ws alone, unbounded and with the least that bounds it. The peak, and
// how long a thread has waited for a processor, are the kernel's own (VmHWM, schedstat), so this needs Linux.
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
/** MiB of one half of V8's young generation, where it may not grow. */
const SMALL_YOUNG_GENERATION = ['--max-semi-space-size=2'];
/** From one round trip of the other client to the next, in milliseconds: what it sends is garbage of the server, too. */
const PACE = 20;

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

/** How long the main thread of a process has waited for a processor so far, in milliseconds. */
function waitedBy(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

/**
 * What the load does, and the slowest round trip of another client meanwhile, in milliseconds: by the clock, and without
 * what server and client have waited for a processor, which on a busy machine is most of it.
 */
async function meanwhile(load, { port, process: { pid } }, token) {
  const other = token ? (await logIn(port, token)).socket : await open(urlOf(port));
  const waited = () => waitedBy(pid) + waitedBy(process.pid);
  let isOver = false;
  const result = load.finally(() => (isOver = true));
  let slowest = 0;
  let slowestRunning = 0;
  while (!isOver) {
    const start = performance.now();
    const waitedBefore = waited();
    other.send(JSON.stringify({ type: 'ping' }));
    await once(other, 'message');
    const time = performance.now() - start;
    slowest = Math.max(slowest, time);
    slowestRunning = Math.max(slowestRunning, time - (waited() - waitedBefore));
    await wait(PACE);
  }
  other.terminate();
  return { ...(await result), slowest, slowestRunning };
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

/** What becomes of a server just started. */
async function fresh(name, way, isReading, execArgv = []) {
  const server = await ServerProcess.start(name, {}, { execArgv });
  const result = await round(server, way, isReading);
  await server.stop();
  return result;
}

async function measure(name, way) {
  // Nothing of what it grows by where the client does read is due to one that does not.
  const read = await fresh(name, way, true);
  const small = await fresh(name, way, false, SMALL_YOUNG_GENERATION);
  const server = await ServerProcess.start(name);
  const cold = await round(server, way, false);
  for (let times = 0; times < WARM_ROUNDS; times++) await round(server, way, true);
  const warm = await round(server, way, false);
  await server.stop();
  const largest = member => Math.max(...[cold, small, warm].map(result => result[member]));
  return {
    server: name,
    way,
    'cold, MiB': cold.growth,
    'cold, young generation of 2 MiB': small.growth,
    'cold, if it reads, MiB': read.growth,
    'warm, MiB': warm.growth,
    'closed with': `${cold.code} ${warm.code}`,
    'ms after it reads again': `${cold.closedAfter} ${warm.closedAfter}`,
    "other's slowest, ms": largest('slowest'),
    'without waiting for a processor': largest('slowestRunning'),
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
