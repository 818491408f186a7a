import {
  REDIS_DEFAULTS,
  type RedisTuning,
  unusualSettings,
} from '../../../lib/redis/redis-options.js';
import { redisStores } from '../../../lib/redis/index.js';

const NUMBERS = Object.entries(REDIS_DEFAULTS).filter(
  (setting): setting is [keyof RedisTuning, number] => typeof setting[1] === 'number',
);
const MAX = 2 ** 31 - 1;

describe('the settings of the stores on Redis', () => {
  it('are usual by default', () => {
    expect(unusualSettings(REDIS_DEFAULTS)).toEqual([]);
  });

  it.each(NUMBERS)('are unusual with the largest %s', name => {
    expect(unusualSettings({ ...REDIS_DEFAULTS, [name]: MAX })).toEqual([
      expect.stringMatching(new RegExp(`^redisStores\\.${name} \\(\\d+ to \\d+\\)$`)),
    ]);
  });

  // A short history of one user or room harms nobody else.
  it.each(NUMBERS.filter(([name]) => !name.endsWith('PerAudience')))(
    'are unusual with the smallest %s',
    name => {
      const [first] = unusualSettings({ ...REDIS_DEFAULTS, [name]: 1 });
      expect(first).toMatch(new RegExp(`^redisStores\\.${name} `));
    },
  );

  it.each(['maxEvents', 'maxHistorySize'] as const)(
    'leave at least half of %s to other users and rooms',
    name => {
      const half = REDIS_DEFAULTS[name] / 2;
      const problemsOf = (share: number) =>
        unusualSettings({ ...REDIS_DEFAULTS, [`${name}PerAudience`]: share });
      expect(problemsOf(half)).toEqual([]);
      expect(problemsOf(half + 1)).toEqual([`redisStores.${name}PerAudience (1 to ${half})`]);
    },
  );

  it('are part of the stores, for the checklist', async () => {
    const stores = redisStores({ url: 'redis://127.0.0.1:1', lease: 200 });
    await stores.close();
    expect(stores.unusualSettings).toEqual(['redisStores.lease (5000 to 300000)']);
  });
});
