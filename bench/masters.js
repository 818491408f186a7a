// Measures how many ring-key events one master of Redis carries, and the busiest of three masters of a cluster.
// Usage: npm run build && node bench/masters.js [--full] [--rounds n] [--events n]
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Cluster } from 'ioredis';
import { redisStores } from 'nestjs-semantic-events/redis';
import { comparison } from './measuring/comparison.js';
import { startCluster, startRedis } from './measuring/redis.js';
import { atLeast } from './measuring/report.js';
import { interleaved, median } from './measuring/rounds.js';

const MASTERS = 3;
/** The number of events that wait at each master: a busy master reads many at a time, which saves system calls. */
const AT_EACH = 500;
const MAX_AGE = 300_000;
const ONE = 'one master';
const THREE = 'three masters';

/** Returns the CPU time of the main thread of a process, in seconds. Redis runs scripts in that thread. */
function cpuOf(pid) {
  const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e9;
}

/** Decides new events. @returns the CPU time of each server per 10,000 events, in seconds */
async function decide({ stores, servers }, events) {
  const atOnce = AT_EACH * servers.length;
  const before = servers.map(({ pid }) => cpuOf(pid));
  let decided = 0;
  for (; decided < events; decided += atOnce) {
    const madeAt = Date.now();
    const uses = Array.from({ length: atOnce }, () =>
      stores.nonceStore.useNonce('main', randomUUID(), madeAt + MAX_AGE, madeAt),
    );
    if (!(await Promise.all(uses)).every(Boolean)) throw new Error('a new event was refused');
  }
  return servers.map(({ pid }, index) => ((cpuOf(pid) - before[index]) / decided) * 10_000);
}

const SIZES = { rounds: { short: 3, full: 9 }, events: { short: 20_000, full: 100_000 } };

await comparison(import.meta, SIZES, async ({ rounds, events, until }) => {
  const single = await startRedis();
  if (!single) return { notes: ['There is no redis-server to start.'], tables: {} };
  const servers = await startCluster(MASTERS);
  const client = new Cluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })));
  const subjects = {
    [ONE]: { servers: [single], stores: redisStores({ url: single.url, clockDrift: 50 }) },
    [THREE]: { servers, stores: redisStores({ client, clockDrift: 50 }) },
  };
  const times = new Map(Object.keys(subjects).map(name => [name, []]));
  for (const subject of Object.values(subjects)) {
    await subject.stores.ready();
    await decide(subject, AT_EACH);
  }
  await interleaved(
    Object.keys(subjects),
    rounds,
    async name => times.get(name).push(await decide(subjects[name], events)),
    until,
  );
  for (const { stores } of Object.values(subjects)) await stores.close();
  client.disconnect();
  for (const server of [single, ...servers]) server.stop();
  /** The median of each master. The busiest one of each round would be the one that other processes disturbed. */
  const mastersOf = name =>
    subjects[name].servers.map((_, index) => median(times.get(name).map(cpu => cpu[index])));
  const busiestOf = name => Math.max(...mastersOf(name));
  return {
    tables: {
      'Ring-key events': Object.keys(subjects).map(name => ({
        servers: name,
        'events per CPU second of the busiest master': 10_000 / busiestOf(name),
        'its CPU seconds per 10,000 events': busiestOf(name),
        'CPU seconds of all per 10,000 events': mastersOf(name).reduce((sum, cpu) => sum + cpu, 0),
      })),
    },
    targets: [atLeast(2.5, 'events, three masters to one', busiestOf(ONE) / busiestOf(THREE))],
  };
});
