// Sends 100 MiB to a client that stops reading. It measures the growth of the server's resident memory at its peak, how the
// client ends, and the delay for another client. The data comes from a handler, or from echoes of the client's own events.
// Each server is measured cold, cold with a fixed young generation of V8, and warm. V8 touches the 16 MiB of a growing
// young generation for the first time when any client sends 60 kB events. A warm server has already served twice as much to
// clients that read. For comparison it measures ws alone, unbounded and with the minimum that bounds it.
// The kernel reports the peak and the time a thread waited for a processor (VmHWM, schedstat), so this needs Linux.
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
/** The maximum size of one half of V8's young generation, in MiB. */
const SMALL_YOUNG_GENERATION = ['--max-semi-space-size=2'];
/** The interval between round trips of the other client, in milliseconds. Its events also create garbage on the server. */
const PACE = 20;

/** The servers, each with its ways to send. */
const SERVERS = {
  'echo-ws': ['sent', 'echoed'],
  'echo-ws-bounded': ['sent', 'echoed'],
  protected: ['sent', 'echoed'],
  quickstart: ['echoed'],
};

/** Returns a member of /proc/<pid>/status, in MiB. */
function memoryOf({ process: { pid } }, member) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${member}:\\s+(\\d+)`).exec(status)[1]) / 1024;
}

/** Starts a measurement. @returns a function that returns the growth of memory at its peak, in MiB */
function growthOf(server) {
  writeFileSync(`/proc/${server.process.pid}/clear_refs`, '5');
  const before = memoryOf(server, 'VmRSS');
  return () => memoryOf(server, 'VmHWM') - before;
}

/** Returns the time that the main thread of a process has waited for a processor, in milliseconds. */
function waitedBy(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

/**
 * Runs the load and returns the slowest round trip of another client, in milliseconds: by the clock, and without the time
 * that server and client waited for a processor. On a busy machine that is most of the time.
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

/** Runs the load in a thread of its own, so that it does not delay the other client. */
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

/** Measures a server that was just started. */
async function fresh(name, way, isReading, execArgv = []) {
  const server = await ServerProcess.start(name, {}, { execArgv });
  const result = await round(server, way, isReading);
  await server.stop();
  return result;
}

async function measure(name, way) {
  // Growth that also occurs with a reading client is not caused by the slow one.
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
