// Measures the cost of a nonce check with a thousand and with a million nonces in use, and the memory per nonce. For each
// new nonce one expires, as in a long-running application.
// Usage: npm run build && node bench/nonces.js [--full] [--rounds n] [--calls n] [--live n]
import { randomUUID } from 'node:crypto';
import { NonceTracker } from 'nestjs-semantic-events';
import { FakeClock } from 'nestjs-semantic-events/testing';
import { comparison } from './measuring/comparison.js';
import { library } from './measuring/library.js';
import { measureParts } from './measuring/parts.js';
import { atMost } from './measuring/report.js';
import { median, timesOf } from './measuring/rounds.js';

const KEY_ID = 's-0123456789abcdef';
/** The time a nonce is stored, in milliseconds. */
const MAX_AGE = 300_000;
/** The number of events created at once to fill a store. */
const CHUNK = 10_000;

class Nonces {
  /** @param live the number of nonces that are stored at once */
  static async start(live) {
    const nonces = new Nonces();
    nonces.clock = new FakeClock();
    nonces.pace = MAX_AGE / live;
    const options = { replay: { maxNonces: 2 * live + CHUNK } };
    nonces.tracker = (await library(options, nonces.clock)).get(NonceTracker);
    return nonces;
  }

  /** Creates events with the members that the check reads; strings are those of JSON.parse. */
  events(count) {
    const events = Array.from({ length: count }, (_, n) => ({
      time: new Date(this.clock.now() + (n + 1) * this.pace).toISOString(),
      semanticnonce: randomUUID(),
    }));
    return JSON.parse(JSON.stringify(events));
  }

  use(events) {
    let used = 0;
    for (const event of events) {
      this.clock.advance(this.pace);
      used += this.tracker.use(event, KEY_ID) === true ? 1 : 0;
    }
    if (used !== events.length) throw new Error(`${used} of ${events.length} were new`);
    return used;
  }

  fill(count) {
    for (let filled = 0; filled < count; filled += CHUNK)
      this.use(this.events(Math.min(CHUNK, count - filled)));
  }
}

function bytesInUse() {
  for (let pass = 0; pass < 3; pass++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export const parts = {
  /** Reports the bytes per nonce. */
  use: async ({ live }) => {
    const nonces = await Nonces.start(live);
    nonces.fill(1);
    const before = bytesInUse();
    nonces.fill(live - 1);
    const told = (bytesInUse() - before) / (live - 1);
    return { told, prepare: count => nonces.events(count), run: events => nonces.use(events) };
  },
  /** The minimum: a Map that stores and deletes. */
  map: ({ live }) => {
    const map = new Map();
    // Use one iterator: a new one would skip every key deleted since.
    const oldest = map.keys();
    const add = keys => {
      for (const key of keys) {
        if (map.has(`${KEY_ID}:${key}`)) throw new Error('not new');
        map.set(`${KEY_ID}:${key}`, live);
        if (map.size > live) map.delete(oldest.next().value);
      }
      return map.size;
    };
    const make = count => JSON.parse(JSON.stringify(Array.from({ length: count }, randomUUID)));
    for (let filled = 0; filled < live; filled += CHUNK) add(make(Math.min(CHUNK, live - filled)));
    return { prepare: make, run: add };
  },
};

const FEW = 1_000;
const title = live => `${live.toLocaleString('en')} live`;

const SIZES = {
  rounds: { short: 5, full: 15 },
  calls: { short: 20_000, full: 200_000 },
  live: { short: 1_000_000, full: 1_000_000 },
};

await comparison(import.meta, SIZES, async ({ live: many, ...options }) => {
  const levels = [FEW, many];
  const subjects = Object.fromEntries(
    levels.flatMap(live => [
      [title(live), ['use', { live }]],
      [`a Map alone, ${title(live)}`, ['map', { live }]],
    ]),
  );
  const { figures, told } = await measureParts(import.meta, subjects, options);
  const few = figures.get(title(FEW));
  const bytes = told.get(title(many));
  const growth = timesOf(figures.get(title(many)), few);
  return {
    tables: {
      'Nonce checks': [...figures].map(([nonces, taken]) => ({
        nonces,
        'CPU µs a check': median(taken),
        least: Math.min(...taken),
        most: Math.max(...taken),
        [`times ${title(FEW)}`]: timesOf(taken, few),
        'bytes of heap each': nonces === title(many) ? bytes : undefined,
      })),
    },
    targets: [
      atMost(2, `nonce check, ${title(many)} to ${title(FEW)}`, growth),
      atMost(100, 'heap of a live nonce', bytes, 'B'),
    ],
  };
});
