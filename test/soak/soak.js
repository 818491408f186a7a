// Runs honest and hostile clients on two nodes over one Redis, while nodes are killed and Redis is killed and frozen. At
// the end the memory must be as after the warm-up, and all places free. No event may be answered twice, and no rejection
// may be unhandled.
// Usage: npm run soak [seconds, 600]; needs redis-server
import { setTimeout as wait } from 'node:timers/promises';
import { Crowd } from './clients.js';
import { Node } from './nodes.js';
import { Redis } from './redis-servers.js';
import { LEASE, MAX_AGE } from './settings.js';

const seconds = Number(process.argv[2] ?? 600);
const MAX_GROWTH = 1.1;
const GOOD = 12;
/** The time between two faults, in milliseconds. */
const PAUSE = Math.max(4_000, (seconds * 1000) / 60);

const redis = await new Redis().start();
const violations = [];
const onViolation = what => violations.push(what);
const steady = await new Node({ url: redis.url }, onViolation).start();
const killed = await new Node({ url: redis.url }, onViolation).start();
const crowd = new Crowd([steady, killed]);

const troubles = {
  'a node is killed': async () => {
    await killed.kill();
    await wait(500);
    await killed.start();
  },
  'Redis is killed': async () => {
    await redis.kill();
    await wait(1_000);
    await redis.start();
  },
  'Redis is frozen': () => redis.freeze(1_500),
};
const happened = {};
let turn = 0;

async function troubleUntil(end) {
  const kinds = Object.keys(troubles);
  for (; performance.now() < end - PAUSE; turn++) {
    await wait(PAUSE / 2);
    const kind = kinds[turn % kinds.length];
    await troubles[kind]();
    happened[kind] = (happened[kind] ?? 0) + 1;
    await wait(PAUSE / 2);
  }
}

/** Returns the minimum of several measurements: a busy node always has garbage. */
async function heapOf(node) {
  const heaps = [];
  for (let sample = 0; sample < 5; sample++) {
    heaps.push((await node.figures()).heapUsed);
    await wait(200);
  }
  return Math.min(...heaps);
}

const started = performance.now();
const clients = [
  ...Array.from({ length: GOOD }, (_, at) => crowd.good(`good-${at}`)),
  ...Array.from({ length: 2 }, (_, at) => crowd.replayer(`replayer-${at}`)),
  ...Array.from({ length: 4 }, (_, at) => crowd.hostile(`hostile-${at}`)),
];

// The warm-up includes every kind of fault once, so that all code is loaded and compiled.
const third = started + Math.max(15_000, (seconds * 1000) / 3);
await troubleUntil(third);
await wait(Math.max(MAX_AGE, third - performance.now()));
const heapWarm = await heapOf(steady);
await troubleUntil(started + seconds * 1000 - MAX_AGE - 4_000);
const answeredBefore = crowd.tally.answered ?? 0;
await wait(MAX_AGE);
const heapEnd = await heapOf(steady);
const answeredLately = (crowd.tally.answered ?? 0) - answeredBefore;

crowd.isOver = true;
await Promise.all(clients);
const deadline = performance.now() + 10_000 + LEASE;
let left = await figures();
while (left.some(({ open, places }) => open > 0 || places !== 0) && performance.now() < deadline) {
  await wait(250);
  left = await figures();
}
await killed.kill();
await steady.kill();
await redis.close();

async function figures() {
  return [await steady.figures(), await killed.figures()];
}

const growth = heapEnd / heapWarm;
violations.push(...crowd.violations);
if (growth > MAX_GROWTH) violations.push(`the heap grew by ${growth.toFixed(3)}`);
if (left.some(({ open, places }) => open > 0 || places !== 0))
  violations.push(`places are still taken: ${JSON.stringify(left)}`);
if (answeredLately === 0) violations.push('good clients were not answered in the end');
if (!crowd.tally.REPLAY_DETECTED) violations.push('no replay was tried in its time');

const megabytes = bytes => `${(bytes / 2 ** 20).toFixed(1)} MB`;
console.log(
  `soak of ${((performance.now() - started) / 1000).toFixed(0)} s`,
  happened,
  crowd.tally,
);
console.log(
  `heap: ${megabytes(heapWarm)} after warm-up, ${megabytes(heapEnd)} at the end: ${growth.toFixed(3)} (≤ ${MAX_GROWTH})`,
);
console.log(
  `places left: ${left.map(({ places }) => places).join(', ')}; answered in the end: ${answeredLately}`,
);
console.log(`violations: ${violations.length}`);
for (const violation of violations) console.log(`  ${violation}`);
process.exit(violations.length > 0 ? 1 : 0);
