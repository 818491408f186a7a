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

const ORIGINS_ONLY =
  'connection.origins may name origins only, such as https://myapp.com, https://*.myapp.com or capacitor://localhost';

describe('connection.origins', () => {
  it.each([
    'https://myapp.com',
    'https://myapp.com:8443',
    'http://localhost:3000',
    'https://*.myapp.com',
    'https://[::1]:3000',
    'capacitor://localhost',
  ])('accepts %s', origin => {
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
  ])('rejects %j, which is not an origin, and names it', origin => {
    expect(problemsOf({ origins: ['https://myapp.com', origin] })).toEqual([
      `${ORIGINS_ONLY}, not "${origin}"`,
    ]);
  });

  it.each([1, null])('rejects %j, which is not a string', origin => {
    expect(problemsOf({ origins: ['https://myapp.com', origin] })).toEqual([ORIGINS_ONLY]);
  });

  it('accepts * in development and rejects it in production', () => {
    expect(problemsOf({ origins: ['*'] })).toEqual([]);
    expect(problemsOf({ origins: ['*'] }, true)).toEqual([
      'connection.origins may not be "*" in production',
    ]);
  });

  it.each([null, {}, true])('rejects %j, which is not a list', origins => {
    expect(problemsOf({ origins })).toEqual(['connection.origins must be a list of origins']);
  });

  it('rejects a string, as an environment variable is one, and says so', () => {
    expect(problemsOf({ origins: 'https://myapp.com' })).toEqual([
      'connection.origins must be a list of origins, not a string',
    ]);
  });

  it('defaults to an empty list', () => {
    expect(resolve({}, true).origins).toEqual([]);
  });
});

describe('connection.requireTls', () => {
  it.each([
    [undefined, false, false],
    [undefined, true, true],
    [true, false, true],
    [false, true, false],
  ])('of %p in production %p resolves to %p', (requireTls, isProduction, expected) => {
    expect(resolve({ requireTls }, isProduction).requireTls).toBe(expected);
  });
});

describe.each(['allowNoOrigin', 'requireTls'])('connection.%s', name => {
  it.each([null, 0, 1, {}])('rejects %j, which is not a boolean', wrong => {
    expect(problemsOf({ [name]: wrong })).toEqual([`connection.${name} must be true or false`]);
  });

  it.each(['true', 'false', ''])('rejects the string %j, and says that it is one', wrong => {
    expect(problemsOf({ [name]: wrong })).toEqual([
      `connection.${name} must be true or false, not a string`,
    ]);
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
  ])('accepts %j', trustProxy => {
    expect(problemsOf({ trustProxy })).toEqual([]);
  });

  const COMPLAINT =
    'connection.trustProxy must be true, false, a number of hops, or addresses and subnets';

  it.each([[null], [{}], [[1]]])('rejects %j', trustProxy => {
    expect(problemsOf({ trustProxy })).toEqual([COMPLAINT]);
  });

  it.each<[string | string[], string]>([
    ['proxy.example.com', 'proxy.example.com'],
    ['10.0.0.1, nginx', 'nginx'],
    ['10.0.0.0/33', '10.0.0.0/33'],
    ['true', 'true'],
    ['', ''],
    [['loopback', 'x'], 'x'],
    [['10.0.0.0/8', ''], ''],
  ])('rejects %j, and names the entry %j', (trustProxy, entry) => {
    expect(problemsOf({ trustProxy })).toEqual([`${COMPLAINT}, not "${entry}"`]);
  });

  it.each(['1', ' 2 ', '0', ['loopback', '1'], '10.0.0.1, 1', '0x7f000001', '1/8'])(
    'rejects %j: a number that is a string would be an address, and trust no proxy',
    trustProxy => {
      expect(problemsOf({ trustProxy })).toEqual([
        expect.stringMatching(
          /^connection\.trustProxy has the string "[\dx/a-f]+": pass a number of hops as a number$/,
        ),
      ]);
    },
  );

  it.each([-1, 0.5, NaN, Infinity])('rejects %p, which is not a number of hops', trustProxy => {
    expect(problemsOf({ trustProxy })).toEqual([
      'connection.trustProxy must be a whole number of at least 0',
    ]);
  });
});

describe('connection.perMessageDeflate', () => {
  it.each([false, { threshold: 1 }, undefined])('accepts %j', perMessageDeflate => {
    expect(problemsOf({ perMessageDeflate })).toEqual([]);
  });

  it.each([true, null, 'on', {}, { threshold: 0 }, { threshold: 1.5 }, { threshold: 1, level: 9 }])(
    'refuses %j and names the option',
    perMessageDeflate => {
      expect(problemsOf({ perMessageDeflate })).toEqual([
        expect.stringContaining('connection.perMessageDeflate'),
      ]);
    },
  );
});
