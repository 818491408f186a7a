import {
  DEFAULTS,
  resolveOptions,
  type SemanticEventsOptions,
} from '../../../lib/options/index.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const signing = { keys: [{ id: 'k1', secret: 's'.repeat(32) }] };
const secret = 'j'.repeat(32);
const validateToken = () => null;

function problemsOf(auth: unknown): readonly string[] {
  try {
    resolveOptions({ signing, auth } as SemanticEventsOptions, NOW);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    return (error as SemanticEventsConfigError).problems;
  }
}

describe('auth', () => {
  it.each([
    ['jwt', { jwt: { secret } }],
    ['jwt and an undefined validateToken', { jwt: { secret }, validateToken: undefined }],
    ['validateToken', { validateToken }],
    ['validateToken and an undefined jwt', { validateToken, jwt: undefined }],
  ])('accepts %s', (_title, auth) => {
    expect(problemsOf(auth)).toEqual([]);
  });

  it.each([
    ['neither jwt nor validateToken', {}],
    ['both undefined', { jwt: undefined, validateToken: undefined }],
    ['jwt and validateToken', { jwt: { secret }, validateToken }],
  ])('rejects %s', (_title, auth) => {
    expect(problemsOf(auth)).toEqual(['auth must have exactly one of jwt, oidc and validateToken']);
  });

  it.each([undefined, null, 'jwt', []])('must be an object, not %j', auth => {
    expect(problemsOf(auth)).toEqual(['auth must be an object']);
  });

  it.each([null, 'jwt', {}, true])(
    'rejects %j, which is not a function, as validateToken',
    wrong => {
      expect(problemsOf({ validateToken: wrong })).toEqual([
        'auth.validateToken must be a function',
      ]);
    },
  );
});

describe('auth.attempts', () => {
  it('replaces undefined members of a limit by the defaults', () => {
    const auth = { validateToken, attempts: { burst: 3, per: undefined } };

    expect(resolveOptions({ signing, auth }, NOW).auth.attempts).toEqual({
      ...DEFAULTS.auth.attempts,
      burst: 3,
    });
  });

  it.each([
    [{ rate: 0 }, 'auth.attempts.rate must be a number above 0'],
    [{ per: -1 }, 'auth.attempts.per must be a number above 0'],
    [{ burst: 0.5 }, 'auth.attempts.burst must be a whole number of at least 1'],
    [{ limit: 1 }, 'auth.attempts.limit is not an option'],
    [5, 'auth.attempts must be an object'],
  ])('rejects %j', (attempts, problem) => {
    expect(problemsOf({ validateToken, attempts })).toEqual([problem]);
  });
});

describe('auth.ticketRoute', () => {
  class LoggedInGuard {
    canActivate(): boolean {
      return true;
    }
  }
  const route = { guard: LoggedInGuard };

  it.each([
    {},
    { path: 'tickets' },
    { bind: false },
    { bind: 'strict' },
    { toUser: () => ({ id: 1 }) },
  ])('accepts %p together with a guard', more => {
    expect(problemsOf({ validateToken, ticketRoute: { ...route, ...more } })).toEqual([]);
  });

  it.each([undefined, null, 'guard', {}])('rejects a missing guard: %j', guard => {
    expect(problemsOf({ validateToken, ticketRoute: { guard } })).toEqual([
      'auth.ticketRoute.guard must be a guard: without one anybody could get tickets',
    ]);
  });

  it.each([
    [{ path: '' }, 'path must be a non-empty string'],
    [{ bind: 'yes' }, 'bind must be one of true, strict, false'],
    [{ toUser: {} }, 'toUser must be a function'],
    [{ guards: [] }, 'guards is not an option'],
  ])('rejects %j', (more, problem) => {
    expect(problemsOf({ validateToken, ticketRoute: { ...route, ...more } })).toEqual([
      `auth.ticketRoute.${problem}`,
    ]);
  });
});
