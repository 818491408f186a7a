// Measures how exactly nodes on one Redis keep a common limit while each of them sends far more requests. Every node is a process,
// and calls its RateLimiter directly: sockets would need the time that the flood needs.
// Usage: npm run build && node bench/shared-limits.js [--seconds-each n]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { RateLimiter, SecurityEvents } from 'nestjs-semantic-events';
import { comparison } from './measuring/comparison.js';
import { library } from './measuring/library.js';
import { startRedis } from './measuring/redis.js';
import { atMost } from './measuring/report.js';

const NODES = [2, 4];
const RATES = [10, 100, 1_000];
/** The requests of a node each millisecond, at most: several times the highest rate. */
const AT_ONCE = 5;

const SIZES = { 'seconds-each': { short: 10, full: 10 } };

if (process.argv[2] === 'node') await runNode(process.argv[3]);
else await comparison(import.meta, SIZES, measure);

/** Floods a limit when the parent asks for it, and reports what was allowed. */
async function runNode(url) {
  const { redisStores } = await import('nestjs-semantic-events/redis');
  const stores = redisStores({ url });
  const app = await library({ stores });
  await app.init();
  await stores.ready();
  const limiter = app.get(RateLimiter);
  let outages = 0;
  app.get(SecurityEvents).subscribe(({ kind }) => {
    if (kind === 'storeDown') outages++;
  });
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ rate, until }) => {
    const limit = { rate };
    const key = `flood-${until}`;
    const pending = new Set();
    const startedAt = Date.now();
    let [requests, allowed, lastAt] = [0, 0, startedAt];
    outages = 0;
    const note = decision => {
      if (!decision.allowed) return;
      allowed++;
      lastAt = Date.now();
    };
    while (Date.now() < until) {
      for (let sent = 0; sent < AT_ONCE; sent++, requests++) {
        const decision = limiter.take(key, limit);
        if (!(decision instanceof Promise)) note(decision);
        else {
          const noted = decision.then(note).finally(() => pending.delete(noted));
          pending.add(noted);
        }
      }
      await wait(1);
    }
    await Promise.all(pending);
    process.send({ requests, allowed, startedAt, lastAt, outages });
  });
  process.send('ready');
}

async function startNode(url) {
  const node = fork(import.meta.filename, ['node', url], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  process.once('exit', () => node.kill());
  await once(node, 'message');
  return node;
}

/** @param seconds how long the nodes send requests */
async function flood(nodes, rate, seconds) {
  const until = Date.now() + 1_000 * seconds;
  const reports = await Promise.all(
    nodes.map(async node => {
      node.send({ rate, until });
      const [report] = await once(node, 'message');
      return report;
    }),
  );
  const of = name => reports.map(report => report[name]);
  const sum = name => of(name).reduce((total, value) => total + value, 0);
  // From the first request to the last reply: on a busy machine both may be late.
  const duration = (Math.max(...of('lastAt')) - Math.min(...of('startedAt'))) / 1_000;
  const allows = rate + rate * duration;
  const allowed = sum('allowed');
  return {
    nodes: nodes.length,
    'limit a second': rate,
    'requests a second': Math.round(sum('requests') / seconds),
    allowed,
    'one bucket allows': Math.floor(allows),
    'off by %': (allowed / allows - 1) * 100,
    'outages of Redis': sum('outages'),
  };
}

async function measure({ 'seconds-each': seconds }) {
  const rows = [];
  for (const count of NODES) {
    const redis = await startRedis();
    if (!redis) return { notes: ['There is no redis-server to start.'], tables: {} };
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode(redis.url)));
    for (const rate of RATES) rows.push(await flood(nodes, rate, seconds));
    for (const node of nodes) node.kill();
    redis.stop();
  }
  return {
    tables: { 'A common limit, flooded by every node': rows },
    targets: [
      atMost(2, 'above the limit, at most', Math.max(...rows.map(row => row['off by %'])), '%'),
    ],
  };
}
