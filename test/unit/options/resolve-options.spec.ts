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

describe('resolveOptions', () => {
  it('fills in every default', () => {
    const resolved = resolveOptions(valid, NOW);

    expect(resolved).toEqual({
      ...DEFAULTS,
      signing: { ...DEFAULTS.signing, ...valid.signing },
      auth: { ...DEFAULTS.auth, ...valid.auth },
    });
  });

  it.each(['signing', 'auth', 'connection', 'event', 'replay', 'rateLimit'])(
    'rejects an unknown option of %s',
    section => {
      const given: Record<string, object> = valid;

      expect(problemsOf({ ...valid, [section]: { ...given[section], maxAgee: 1 } })).toEqual([
        `${section}.maxAgee is not an option`,
      ]);
    },
  );

  it('rejects an unknown section', () => {
    expect(problemsOf({ ...valid, signin: {}, ratelimit: {} })).toEqual([
      'signin is not an option',
      'ratelimit is not an option',
    ]);
  });

  it.each(['auth', 'connection', 'event', 'replay', 'rateLimit'])(
    'rejects a section %s that is not an object',
    section => {
      for (const wrong of ['text', 1, true, []])
        expect(problemsOf({ ...valid, [section]: wrong })).toContain(
          `${section} must be an object`,
        );
    },
  );

  it.each(['connection', 'event', 'replay', 'rateLimit'] as const)(
    'uses the defaults for an undefined %s',
    section => {
      expect(resolveOptions({ ...valid, [section]: undefined }, NOW)[section]).toEqual(
        DEFAULTS[section],
      );
    },
  );

  it('reports every problem at once', () => {
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

  it('returns sections that are copies and immutable', () => {
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

  it('does not change DEFAULTS or the given options', () => {
    const defaults = structuredClone(DEFAULTS);
    const options = { ...valid, replay: { maxNonces: 5 } };
    resolveOptions(options, NOW);

    expect(DEFAULTS).toEqual(defaults);
    expect(options).toEqual({ ...valid, replay: { maxNonces: 5 } });
    expect(Object.isFrozen(options.replay)).toBe(false);
  });
});
