// Measures two nodes on one Redis: accepted replays, when the places of a crashed node become free, and the cost
// of Redis compared with the same server in memory.
// Usage: npm run build && node bench/two-nodes.js [--full] [--rounds n]
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { comparison } from './measuring/comparison.js';
import { logIn, NATIVE, open, SHARED_KEY } from './measuring/dialects.js';
import { makeEvent } from './measuring/events.js';
import { Load } from './measuring/load.js';
import { startRedis } from './measuring/redis.js';
import { interleaved, median, timesOf } from './measuring/rounds.js';
import { ServerProcess } from './measuring/server-process.js';

/** Signs with a key that both nodes know, not with a session key. */
const signedForAll = type => NATIVE.frame(makeEvent({ n: 1 }, type), { key: SHARED_KEY });

const logInto = async ({ port }) => (await logIn(port)).socket;

/** Counts the answers by kind until the expected number has arrived. */
function tally(socket, counts) {
  socket.on('message', message => {
    const { type, code } = JSON.parse(message);
    counts[code ?? type] = (counts[code ?? type] ?? 0) + 1;
  });
}

const total = counts => Object.values(counts).reduce((sum, count) => sum + count, 0);

const EVENTS = 1_000;

async function sentToBoth(nodes) {
  const sockets = await Promise.all(nodes.map(logInto));
  const counts = {};
  for (const socket of sockets) tally(socket, counts);
  for (let sent = 0; sent < EVENTS; sent++) {
    const frame = signedForAll('demo.echo');
    for (const socket of sockets) socket.send(frame);
  }
  while (total(counts) < 2 * EVENTS) await wait(20);
  for (const socket of sockets) socket.terminate();
  return { passed: counts.event, ...counts };
}

/** Returns the time until the places of a crashed node are free, in milliseconds. */
async function placesOfCrashedNode(redis) {
  const settings = { redis, connection: { maxConnections: 10 } };
  const crashing = await ServerProcess.start('protected', settings);
  const other = await ServerProcess.start('protected', settings);
  await Promise.all(Array.from({ length: 10 }, () => logInto(crashing)));
  crashing.process.kill('SIGKILL');
  const start = performance.now();
  const isOpen = () =>
    open(`ws://127.0.0.1:${other.port}/events`).then(
      () => true,
      () => false,
    );
  while (!(await isOpen())) await wait(50);
  await other.stop();
  return performance.now() - start;
}

const MEMORY = 'in memory';
const REDIS = 'in Redis';
const SHAPE = { connections: 2, inFlight: 50 };

/** Returns the number of scripts that Redis has run, including those for leases and health. */
async function scriptsRun(client) {
  const calls = (await client.info('commandstats')).matchAll(/cmdstat_eval\w*:calls=(\d+)/g);
  return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function costs(servers, client, { rounds, messages }) {
  const loads = new Map();
  for (const [title, server] of Object.entries(servers))
    loads.set(title, await Load.connect(server, NATIVE, SHAPE.connections));
  const rates = new Map([...loads.keys()].map(title => [title, []]));
  const measure = async title => {
    const load = loads.get(title);
    const cpu = await load.round(SHAPE, messages, { n: 1 });
    rates.get(title).push(load.rate);
    return cpu;
  };
  await interleaved([...loads.keys()], 1, measure);
  const before = await scriptsRun(client);
  const figures = await interleaved([...loads.keys()], rounds, measure);
  const scripts = (await scriptsRun(client)) - before;
  return [...figures].map(([stores, taken]) => ({
    stores,
    'CPU µs a message': median(taken),
    'times in memory': timesOf(taken, figures.get(MEMORY)),
    'messages a second': Math.round(median(rates.get(stores))),
    'scripts Redis ran a message': stores === REDIS ? scripts / (rounds * messages) : 0,
  }));
}

const SIZES = { rounds: { short: 3, full: 7 }, messages: { short: 4_000, full: 20_000 } };

await comparison(import.meta, SIZES, async options => {
  const redis = await startRedis();
  if (!redis) return { notes: ['There is no redis-server to start.'], tables: {} };
  const [one, two, memory] = await Promise.all([
    ServerProcess.start('protected', { redis: redis.url }),
    ServerProcess.start('protected', { redis: redis.url }),
    ServerProcess.start('protected'),
  ]);
  const client = new Redis(redis.url);
  const { passed, REPLAY_DETECTED: replays } = await sentToBoth([one, two]);
  const tables = {
    [`${EVENTS} events, each sent to both nodes`]: [{ passed, 'refused as replays': replays }],
    'Places of a crashed node, lease 2,000 ms': [
      { 'back after ms': Math.round(await placesOfCrashedNode(redis.url)) },
    ],
    'What Redis costs the server': await costs({ [MEMORY]: memory, [REDIS]: one }, client, options),
  };
  await Promise.all([one.stop(), two.stop(), memory.stop()]);
  client.disconnect();
  redis.stop();
  return { tables };
});
