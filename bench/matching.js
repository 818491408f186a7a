// Measures the search for the subscribers of an event, among few and many subscribers of which the same number match.
// Usage: npm run build && node bench/matching.js [--full] [--rounds n] [--calls n]
import { PatternIndex } from '../dist/mesh/pattern-index.js';
import { comparison } from './measuring/comparison.js';
import { measureParts } from './measuring/parts.js';
import { median, timesOf } from './measuring/rounds.js';

const PATTERNS_EACH = 5;
const LISTENERS = 10;

/** Creates an index in which ten subscribers match the published event, whatever its size. */
function indexOf(subscribers) {
  const index = new PatternIndex();
  for (let n = 0; n < subscribers; n++) {
    const room = Math.floor(n / LISTENERS);
    for (const pattern of [
      `room.${room}.said`,
      `user.${n}.**`,
      `team.${room}.*.changed`,
      `order.*.${n}`,
      `**.alert.${n}`,
    ])
      index.add(pattern, n);
  }
  return index;
}

export const parts = {
  match: ({ subscribers }) => {
    const index = indexOf(subscribers);
    return {
      prepare: calls => Array.from({ length: calls }, (_, n) => `room.${n % LISTENERS}.said`),
      run: types => {
        let found = 0;
        for (const type of types) found += index.match(type).size;
        if (found !== LISTENERS * types.length) throw new Error(`found ${found}`);
        return found;
      },
    };
  },
};

const SIZES = { rounds: { short: 5, full: 15 }, calls: { short: 20_000, full: 100_000 } };

await comparison(import.meta, SIZES, async options => {
  const [few, many] = [100, 10_000];
  const subjects = {
    [few]: ['match', { subscribers: few }],
    [many]: ['match', { subscribers: many }],
  };
  const { figures } = await measureParts(import.meta, subjects, options);
  const rows = [few, many].map(subscribers => ({
    subscribers,
    patterns: subscribers * PATTERNS_EACH,
    'that match': LISTENERS,
    'CPU µs per event': median(figures.get(`${subscribers}`)),
    [`times ${few}`]: timesOf(figures.get(`${subscribers}`), figures.get(`${few}`)),
  }));
  return { tables: { 'Who listens': rows } };
});
