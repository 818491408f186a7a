import { resolveOptions, type SemanticEventsOptions } from '../../../lib/options/index.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const resolve = (connection: object, isProduction = false) => {
  const valid: SemanticEventsOptions = {
    signing: { keys: [{ id: 'k1', secret: 's'.repeat(32) }] },
    auth: { validateToken: () => null },
  };
  return resolveOptions({ ...valid, connection }, NOW, isProduction).connection;
};

function problemsOf(connection: object, isProduction = false): readonly string[] {
  try {
    resolve(connection, isProduction);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    return (error as SemanticEventsConfigError).problems;
  }
}

describe('connection.origins', () => {
  it.each([
    'https://myapp.com',
    'https://myapp.com:8443',
    'http://localhost:3000',
    'https://*.myapp.com',
    'https://[::1]:3000',
  ])('may name %s', origin => {
    expect(problemsOf({ origins: [origin] }, true)).toEqual([]);
  });

  it.each([
    '',
    'null',
    'myapp.com',
    '*.myapp.com',
    'https://',
    'https://myapp.com/path',
    'https://good@evil.com',
    'https://my*.com',
    'https://*.*.com',
    '**',
    1,
    null,
  ])('may not name %j, which is no origin', origin => {
    expect(problemsOf({ origins: ['https://myapp.com', origin] })).toEqual([
      'connection.origins may name origins only, such as https://myapp.com or https://*.myapp.com',
    ]);
  });

  it('may be any origin in development, never in production', () => {
    expect(problemsOf({ origins: ['*'] })).toEqual([]);
    expect(problemsOf({ origins: ['*'] }, true)).toEqual([
      'connection.origins may not be "*" in production',
    ]);
  });

  it.each([null, 'https://myapp.com', {}, true])('is a list, not %j', origins => {
    expect(problemsOf({ origins })).toEqual(['connection.origins must be a list of origins']);
  });

  it('is empty where left out', () => {
    expect(resolve({}, true).origins).toEqual([]);
  });
});

describe('connection.requireTls', () => {
  it.each([
    [undefined, false, false],
    [undefined, true, true],
    [true, false, true],
    [false, true, false],
  ])('given as %p is, with production %p, %p', (requireTls, isProduction, expected) => {
    expect(resolve({ requireTls }, isProduction).requireTls).toBe(expected);
  });
});

describe.each(['allowNoOrigin', 'requireTls'])('connection.%s', name => {
  it.each([null, 0, 1, 'true', {}])('is true or false, not %j', wrong => {
    expect(problemsOf({ [name]: wrong })).toEqual([`connection.${name} must be true or false`]);
  });
});

describe('connection.trustProxy', () => {
  it.each([
    [true],
    [false],
    [0],
    [2],
    ['loopback'],
    ['10.0.0.0/8, fc00::/7'],
    [['loopback', '192.0.2.1']],
    [[]],
  ])('may be %j', trustProxy => {
    expect(problemsOf({ trustProxy })).toEqual([]);
  });

  it.each([['proxy.example.com'], ['10.0.0.0/33'], [''], [null], [{}], [[1]], [['loopback', 'x']]])(
    'may not be %j',
    trustProxy => {
      expect(problemsOf({ trustProxy })).toEqual([
        'connection.trustProxy must be true, false, a number of hops, or addresses and subnets',
      ]);
    },
  );

  it.each([-1, 0.5, NaN, Infinity])('is no number of hops %p', trustProxy => {
    expect(problemsOf({ trustProxy })).toEqual([
      'connection.trustProxy must be a whole number of at least 0',
    ]);
  });
});
