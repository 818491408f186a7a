import {
  DEFAULTS,
  resolveOptions,
  type SemanticEventsOptions,
} from '../../../lib/options/index.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const valid = {
  signing: { keys: [{ id: 'k1', secret: 's'.repeat(32) }] },
  auth: { validateToken: () => ({ id: 'u-1' }) },
} satisfies SemanticEventsOptions;

function problemsOf(options: unknown): readonly string[] {
  try {
    resolveOptions(options as SemanticEventsOptions, NOW);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    return (error as SemanticEventsConfigError).problems;
  }
}

type Section = Exclude<keyof typeof DEFAULTS, 'audit' | 'errors'>;

/** The minimum of each whole number. The default is 1. */
const LEAST: Record<string, number> = {
  'signing.refresh': 1_000,
  'signing.maxAge': 1_000,
  'signing.clockSkew': 0,
  'auth.maxSessionAge': 1_000,
  'auth.ticketLifetime': 1_000,
  'connection.shutdownTimeout': 0,
};
/** Delays of timers. Node fires a timer at once if its delay is too long. */
const DELAYS = [
  'signing.refresh',
  'auth.timeout',
  'connection.heartbeatInterval',
  'connection.closeTimeout',
  'connection.shutdownTimeout',
];
const MAX_DELAY = 2 ** 31 - 1;
const RATES = ['connection.connectRate', 'connection.messageRate'];

const numbers = Object.entries(DEFAULTS).flatMap(([section, defaults]) =>
  Object.entries(defaults)
    .filter(([, value]) => typeof value === 'number')
    .map(([option]): [Section, string, number] => {
      return [section as Section, option, LEAST[`${section}.${option}`] ?? 1];
    }),
);
const isRate = ([section, option]: [Section, string, number]) =>
  RATES.includes(`${section}.${option}`);
const isDelay = ([section, option]: [Section, string, number]) =>
  DELAYS.includes(`${section}.${option}`);
const upTo = (section: Section, option: string) =>
  isDelay([section, option, 0]) ? ` and at most ${MAX_DELAY}` : '';
const WHOLE_NUMBERS = numbers.filter(number => !isRate(number));

const withOption = (section: Section, option: string, value: unknown) => {
  const given: Record<string, object> = valid;
  return { ...valid, [section]: { ...given[section], [option]: value } };
};

describe('resolveOptions', () => {
  it.each(WHOLE_NUMBERS)(
    'uses a given %s.%s together with the defaults of its section',
    (section, option, min) => {
      const resolved = resolveOptions(withOption(section, option, min), NOW);

      expect(resolved[section]).toMatchObject({ ...DEFAULTS[section], [option]: min });
    },
  );

  it.each(WHOLE_NUMBERS)('uses the default of an undefined %s.%s', (section, option) => {
    const resolved = resolveOptions(withOption(section, option, undefined), NOW);

    expect(resolved[section]).toMatchObject(DEFAULTS[section]);
  });

  it.each(WHOLE_NUMBERS)(
    'rejects %s.%s if it is not a whole number of at least %d',
    (section, option, min) => {
      for (const wrong of [min - 1, min + 0.5, -1, NaN, Infinity, 2 ** 53, null, true, [min]])
        expect(problemsOf(withOption(section, option, wrong))).toEqual([
          `${section}.${option} must be a whole number of at least ${min}${upTo(section, option)}`,
        ]);
      // Environment variables are strings.
      expect(problemsOf(withOption(section, option, String(min)))).toEqual([
        expect.stringMatching(/ must be a whole number .*, not a string$/),
      ]);
    },
  );

  it.each(WHOLE_NUMBERS.filter(isDelay))(
    'rejects %s.%s if it is longer than a timer can wait',
    (section, option) => {
      expect(problemsOf(withOption(section, option, MAX_DELAY))).toEqual([]);
      for (const wrong of [MAX_DELAY + 1, Number.MAX_SAFE_INTEGER])
        expect(problemsOf(withOption(section, option, wrong))).toHaveLength(1);
    },
  );

  it.each(numbers.filter(isRate))(
    'rejects %s.%s if it is not a number above 0',
    (section, option) => {
      for (const wrong of [0, -1, NaN, Infinity, null])
        expect(problemsOf(withOption(section, option, wrong))).toEqual([
          `${section}.${option} must be a number above 0`,
        ]);
      expect(problemsOf(withOption(section, option, '100'))).toEqual([
        `${section}.${option} must be a number above 0, not a string`,
      ]);
    },
  );

  it.each(numbers.filter(isRate))('accepts a %s.%s below one per second', (section, option) => {
    expect(problemsOf(withOption(section, option, 0.1))).toEqual([]);
  });
});
