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

/** Everything optional whose value is a whole number, and the least it may be. */
const WHOLE_NUMBERS: [section: keyof typeof DEFAULTS, option: string, min: number][] = [
  ['signing', 'maxAge', 1_000],
  ['signing', 'clockSkew', 0],
  ['auth', 'timeout', 1],
  ['auth', 'maxSessionAge', 1_000],
  ['connection', 'maxMessageSize', 1_024],
  ['connection', 'messageBurst', 1],
  ['event', 'maxNameLength', 1],
  ['event', 'maxAttributeLength', 1],
  ['event', 'maxExtensions', 1],
  ['event', 'maxDepth', 1],
  ['replay', 'maxNonces', 1],
  ['rateLimit', 'maxKeys', 1],
];
const withOption = (section: keyof typeof DEFAULTS, option: string, value: unknown) => ({
  ...valid,
  [section]: { ...(section in valid ? valid[section as keyof typeof valid] : {}), [option]: value },
});

describe('resolveOptions', () => {
  it('fills in every default', () => {
    const resolved = resolveOptions(valid, NOW);

    expect(resolved).toEqual({
      ...DEFAULTS,
      signing: { ...DEFAULTS.signing, ...valid.signing },
      auth: { ...DEFAULTS.auth, ...valid.auth },
    });
  });

  it.each(WHOLE_NUMBERS)(
    'keeps %s.%s where it is given, beside the defaults of its section',
    (section, option, min) => {
      const resolved = resolveOptions(withOption(section, option, min), NOW);

      expect(resolved[section]).toMatchObject({ ...DEFAULTS[section], [option]: min });
    },
  );

  it.each(WHOLE_NUMBERS)('takes the default of %s.%s where it is undefined', (section, option) => {
    const resolved = resolveOptions(withOption(section, option, undefined), NOW);

    expect(resolved[section]).toMatchObject(DEFAULTS[section]);
  });

  it.each(WHOLE_NUMBERS)(
    'names %s.%s where it is no whole number of at least %d',
    (section, option, min) => {
      for (const wrong of [
        min - 1,
        min + 0.5,
        -1,
        NaN,
        Infinity,
        2 ** 53,
        String(min),
        null,
        true,
        [min],
      ])
        expect(problemsOf(withOption(section, option, wrong))).toEqual([
          `${section}.${option} must be a whole number of at least ${min}`,
        ]);
    },
  );

  it.each([0, -1, NaN, Infinity, '100', null])(
    'names a connection.messageRate of %p',
    messageRate => {
      expect(problemsOf({ ...valid, connection: { messageRate } })).toEqual([
        'connection.messageRate must be a number above 0',
      ]);
    },
  );

  it('takes a rate below one a second', () => {
    expect(problemsOf({ ...valid, connection: { messageRate: 0.1 } })).toEqual([]);
  });

  it.each(['signing', 'auth', 'connection', 'event', 'replay', 'rateLimit'] as const)(
    'names an option of %s that does not exist',
    section => {
      expect(problemsOf(withOption(section, 'maxAgee', 1))).toEqual([
        `${section}.maxAgee is not an option`,
      ]);
    },
  );

  it('names a section that does not exist', () => {
    expect(problemsOf({ ...valid, signin: {}, ratelimit: {} })).toEqual([
      'signin is not an option',
      'ratelimit is not an option',
    ]);
  });

  it.each(['auth', 'connection', 'event', 'replay', 'rateLimit'])(
    'names a section %s that is no object',
    section => {
      for (const wrong of ['text', 1, true, []])
        expect(problemsOf({ ...valid, [section]: wrong })).toContain(
          `${section} must be an object`,
        );
    },
  );

  it.each(['connection', 'event', 'replay', 'rateLimit'] as const)(
    'takes the defaults for %s undefined',
    section => {
      expect(resolveOptions({ ...valid, [section]: undefined }, NOW)[section]).toEqual(
        DEFAULTS[section],
      );
    },
  );

  it('names every problem at once', () => {
    const problems = problemsOf({
      signing: { keys: [{ id: 's-1', secret: 'short' }], maxAge: 1, source: '' },
      auth: { timeout: 0 },
      connection: { messageRate: -1 },
      event: { maxDepth: 0 },
      replay: { maxNonces: '1' },
      rateLimit: { maxKey: 1 },
      more: 1,
    });

    expect(problems.map(problem => problem.split(' ')[0])).toEqual([
      'more',
      'signing.maxAge',
      'signing.source',
      'signing.keys[0].id',
      'signing.keys[0].secret',
      'auth.timeout',
      'auth',
      'connection.messageRate',
      'event.maxDepth',
      'replay.maxNonces',
      'rateLimit.maxKey',
    ]);
  });

  it('hands out sections that neither the caller nor anybody else can change', () => {
    const options = {
      ...valid,
      event: { maxDepth: 8 },
      signing: { ...valid.signing, maxAge: 2_000 },
    };
    const resolved = resolveOptions(options, NOW);
    options.event.maxDepth = 1_000;
    options.signing.maxAge = 1_000_000;

    expect(resolved.event.maxDepth).toBe(8);
    expect(resolved.signing.maxAge).toBe(2_000);
    expect(Object.values(resolved).every(Object.isFrozen)).toBe(true);
  });

  it('leaves DEFAULTS and the options of the caller as they were', () => {
    const defaults = structuredClone(DEFAULTS);
    const options = { ...valid, replay: { maxNonces: 5 } };
    resolveOptions(options, NOW);

    expect(DEFAULTS).toEqual(defaults);
    expect(options).toEqual({ ...valid, replay: { maxNonces: 5 } });
    expect(Object.isFrozen(options.replay)).toBe(false);
  });
});
