import { RefusalError, type SemanticEventsOptions } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { JWT_SECRET, TestApp, tokenFor } from '../helpers/test-app.js';

const fails = () => {
  throw new Error('canary');
};

async function start(auth: SemanticEventsOptions['auth'], clock?: FakeClock) {
  let log: LogLine[] = [];
  const app = await TestApp.start({
    gateways: [DemoGateway],
    options: { auth: { ...auth, attempts: { burst: 1_000 } } },
    clock,
    prepare: () => {
      log = captureLog();
    },
  });
  const authenticate = async (token = tokenFor('alice')) =>
    (await app.connect()).authenticate(token);
  return {
    authenticate,
    errorLines: () => log.filter(({ context }) => context === 'TokenAuthenticator'),
  };
}

describe('a function of the application that fails', () => {
  it.each<[string, SemanticEventsOptions['auth']]>([
    ['auth.validateToken', { validateToken: fails }],
    ['auth.validateToken', { validateToken: async () => fails() }],
    ['auth.jwt.keyProvider', { jwt: { algorithms: ['HS256'], keyProvider: fails } }],
    ['auth.jwt.toUser', { jwt: { secret: JWT_SECRET, toUser: fails } }],
    ['auth.jwt.toUser', { jwt: { secret: JWT_SECRET, toUser: async () => fails() } }],
  ])('causes UNAVAILABLE, and %s is logged', async (name, auth) => {
    const { authenticate, errorLines } = await start(auth);
    expect((await authenticate()).code).toBe('UNAVAILABLE');
    expect(errorLines()).toHaveLength(1);
    expect(errorLines()[0]).toMatchObject({ level: 'error' });
    expect(errorLines()[0]!.text).toMatch(
      new RegExp(`^${name} threw Error\n {4}at .*failing-callbacks`),
    );
    expect(errorLines()[0]!.text).not.toContain('canary');
  });

  it('is logged once per interval, however many tokens are sent', async () => {
    const clock = new FakeClock();
    const { authenticate, errorLines } = await start({ validateToken: fails }, clock);
    for (let count = 0; count < 5; count++) await authenticate('any');
    clock.advance(60_000);
    await authenticate('any');
    expect(errorLines().map(({ text }) => text.split('\n')[0])).toEqual([
      'auth.validateToken threw Error',
      'auth.validateToken threw Error (4 more failures since the last line)',
    ]);
  });
});

describe('not logged as a failure', () => {
  it.each<[string, string, SemanticEventsOptions['auth']]>([
    ['a token that is wrong', 'AUTH_FAILED', { jwt: { secret: JWT_SECRET } }],
    ['null for a token', 'AUTH_FAILED', { validateToken: () => null }],
    [
      'a refusal on purpose',
      'UNAVAILABLE',
      {
        validateToken: () => {
          throw new RefusalError('UNAVAILABLE');
        },
      },
    ],
  ])('is %s', async (_, code, auth) => {
    const { authenticate, errorLines } = await start(auth);
    expect((await authenticate(tokenFor('alice', { exp: 1 }))).code).toBe(code);
    expect(errorLines()).toEqual([]);
  });
});
