// Measures the cost of a rate-limit check, compared with rate-limiter-flexible and the storage of @nestjs/throttler. It
// uses one key, a thousand, and a million, and Redis if redis-server is installed. Every check passes, and every key stays
// in use.
// Usage: npm run build && node bench/limits.js [--full] [--rounds n] [--calls n]
import { ThrottlerStorageService } from '@nestjs/throttler';
import { RateLimiter } from 'nestjs-semantic-events';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { comparison } from './measuring/comparison.js';
import { library } from './measuring/library.js';
import { measureParts } from './measuring/parts.js';
import { startRedis } from './measuring/redis.js';
import { atLeast, atMost } from './measuring/report.js';
import { median, timesOf } from './measuring/rounds.js';

const MANY = 1e9;
/** A limit that never rejects. After one token is taken, the bucket is not full again for an hour. */
const LIMIT = { rate: 1, per: 3_600_000, burst: MANY };
/** Seconds in which nothing expires, and the milliseconds in which a throttler has only a few hits to check. */
const LONG = 600;
const SHORT = 10;
/** The number of concurrent checks against Redis. */
const AT_ONCE = 50;

/**
 * Creates a part that checks one key after the other, in an order that no cache can predict. It builds the key for each
 * check from handler and user, as an application does.
 */
async function part({ keys }, check, first = check) {
  const users = Array.from({ length: keys }, (_, n) => `user-${n}`);
  for (const user of users) await first(`Gateway.echo:user:${user}`);
  return {
    prepare: calls => Array.from({ length: calls }, () => users[Math.floor(Math.random() * keys)]),
    run: async order => {
      let passed = 0;
      for (const user of order) {
        const answer = check(`Gateway.echo:user:${user}`);
        passed += passes(answer instanceof Promise ? await answer : answer);
      }
      if (passed !== order.length) throw new Error(`${passed} of ${order.length} passed`);
      return passed;
    },
  };
}

/** Does the same with several concurrent checks. */
async function partAtOnce(settings, check) {
  const { prepare } = await part(settings, check);
  return {
    prepare,
    run: async order => {
      for (let from = 0; from < order.length; from += AT_ONCE) {
        const users = order.slice(from, from + AT_ONCE);
        const answers = await Promise.all(users.map(user => check(`Gateway.echo:user:${user}`)));
        if (!answers.every(passes)) throw new Error('not all passed');
      }
      return order.length;
    },
  };
}

/** Returns whether a check has passed, for any limiter. */
function passes(answer) {
  return (answer.allowed ?? (answer.isBlocked === false || answer.remainingPoints >= 0)) ? 1 : 0;
}

export const parts = {
  ours: async settings => {
    const limiter = (await library()).get(RateLimiter);
    return part(settings, key => limiter.take(key, LIMIT));
  },
  flexible: settings => {
    const limiter = new RateLimiterMemory({ points: MANY, duration: LONG });
    return part(settings, key => limiter.consume(key));
  },
  throttler: settings => {
    const storage = new ThrottlerStorageService();
    return part(settings, key => storage.increment(key, SHORT, MANY, SHORT, 'default'));
  },
  map: settings => {
    const map = new Map();
    return part(settings, key => {
      const count = (map.get(key) ?? 0) + 1;
      map.set(key, count);
      return { allowed: count > 0 };
    });
  },
  // Measure in memory without ioredis: it extends String, which slows down all strings in V8.
  'ours in Redis': async settings => {
    const { redisStores } = await import('nestjs-semantic-events/redis');
    const app = await library({ stores: redisStores({ url: settings.redis }) });
    await app.init();
    const limiter = app.get(RateLimiter);
    return partAtOnce(settings, key => limiter.take(key, LIMIT));
  },
  'flexible in Redis': async settings => {
    const { Redis } = await import('ioredis');
    const storeClient = new Redis(settings.redis);
    const limiter = new RateLimiterRedis({ storeClient, points: MANY, duration: LONG });
    return partAtOnce(settings, key => limiter.consume(key));
  },
};

const ONE = { keys: 1 };
const SOME = { keys: 1_000 };
const ours = ({ keys }) => `RateLimiter, ${keysOf(keys)}`;
const map = ({ keys }) => `a Map alone, ${keysOf(keys)}`;
const keysOf = keys => (keys === 1 ? '1 key' : `${keys.toLocaleString('en')} keys`);
const FLEXIBLE = `rate-limiter-flexible, ${keysOf(SOME.keys)}`;
const THROTTLER = `@nestjs/throttler storage, ${keysOf(SOME.keys)}`;

const subjectsFor = many => ({
  [ours(ONE)]: ['ours', ONE],
  [ours(SOME)]: ['ours', SOME],
  [ours(many)]: ['ours', many],
  'rate-limiter-flexible, 1 key': ['flexible', ONE],
  [FLEXIBLE]: ['flexible', SOME],
  [THROTTLER]: ['throttler', SOME],
  [map(ONE)]: ['map', ONE],
  [map(SOME)]: ['map', SOME],
  [map(many)]: ['map', many],
});

function rowsOf(figures, base) {
  return [...figures].map(([what, rounds]) => ({
    what,
    'CPU µs a check': median(rounds),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
    [`times ${base}`]: timesOf(rounds, figures.get(base)),
  }));
}

async function inRedis(options) {
  const redis = await startRedis();
  if (!redis) return undefined;
  const settings = { ...SOME, redis: redis.url };
  const subjects = {
    'RateLimiter on Redis': ['ours in Redis', settings],
    'rate-limiter-flexible on Redis': ['flexible in Redis', settings],
  };
  const calls = Math.ceil(options.calls / 10);
  const { figures } = await measureParts(import.meta, subjects, { ...options, calls });
  redis.stop();
  return rowsOf(figures, 'RateLimiter on Redis');
}

const SIZES = {
  rounds: { short: 5, full: 15 },
  calls: { short: 20_000, full: 200_000 },
  keys: { short: 1_000_000, full: 1_000_000 },
};

await comparison(import.meta, SIZES, async options => {
  const many = { keys: options.keys };
  const { figures } = await measureParts(import.meta, subjectsFor(many), options);
  const times = (one, other) => timesOf(figures.get(one), figures.get(other));
  const added = title => median(figures.get(title(many))) - median(figures.get(title(ONE)));
  const redis = await inRedis(options);
  return {
    notes: redis ? [] : ['Without Redis: there is no redis-server to start.'],
    tables: {
      'Rate limits in memory': rowsOf(figures, ours(SOME)),
      ...(redis && {
        [`Rate limits in Redis, ${AT_ONCE} checks at once, CPU of the client`]: redis,
      }),
    },
    targets: [
      atLeast(3, `rate limit, ${FLEXIBLE} to ours`, times(FLEXIBLE, ours(SOME))),
      atLeast(3, `rate limit, ${THROTTLER} to ours`, times(THROTTLER, ours(SOME))),
      atMost(2, `rate limit, ${keysOf(many.keys)} to 1`, times(ours(many), ours(ONE))),
      // Memory that is far away slows down every implementation.
      atMost(
        1.2,
        `what ${keysOf(many.keys)} add to a rate limit, to what they add to a Map alone`,
        added(ours) / added(map),
      ),
    ],
  };
});
