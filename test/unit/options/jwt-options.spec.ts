import { generateKeyPairSync } from 'node:crypto';
import { resolveOptions, type SemanticEventsOptions } from '../../../lib/options/index.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

const signing = { keys: [{ id: 'k1', secret: 's'.repeat(32) }] };
const secret = 'j'.repeat(32);
const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const keyProvider = () => publicKey;

function problemsOf(auth: unknown): readonly string[] {
  try {
    resolveOptions({ signing, auth } as SemanticEventsOptions, 0);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    return (error as SemanticEventsConfigError).problems;
  }
}

describe('auth.jwt', () => {
  it.each([
    ['a secret', { secret }],
    ['a secret of 32 bytes in 16 characters', { secret: 'é'.repeat(16) }],
    ['a secret of bytes', { secret: Buffer.alloc(32) }],
    ['a secret and HS algorithms', { secret, algorithms: ['HS256', 'HS384', 'HS512'] }],
    ['a public key', { publicKey, algorithms: ['ES256'] }],
    [
      'a public key as PEM',
      { publicKey: publicKey.export({ type: 'spki', format: 'pem' }), algorithms: ['ES256'] },
    ],
    ['a key provider', { keyProvider, algorithms: ['RS256', 'PS512', 'ES384'] }],
    [
      'everything',
      { secret, audience: 'me', issuer: ['it'], clockTolerance: 0, toUser: () => null },
    ],
  ])('accepts %s', (_title, jwt) => {
    expect(problemsOf({ jwt })).toEqual([]);
  });

  it.each([null, 'secret', []])('must be an object, not %j', jwt => {
    expect(problemsOf({ jwt })).toEqual(['auth.jwt must be an object']);
  });

  it.each([
    ['no key', { algorithms: ['HS256'] }],
    ['a secret and a key provider', { secret, keyProvider }],
    ['a public key and a key provider', { publicKey, keyProvider, algorithms: ['ES256'] }],
  ])('rejects %s: exactly one source of keys is required', (_title, jwt) => {
    expect(problemsOf({ jwt })).toEqual([
      'auth.jwt must have exactly one of secret, publicKey and keyProvider',
    ]);
  });

  it.each(['secret', 'publicKey', 'keyProvider'])(
    'names %s if it is undefined, as an unset environment variable is, and reports nothing else',
    name => {
      expect(problemsOf({ jwt: { [name]: undefined } })).toEqual([
        `auth.jwt must have exactly one of secret, publicKey and keyProvider: ${name} is undefined`,
      ]);
    },
  );

  it('says that a secret is empty, as without an .env file, and what to do', () => {
    expect(problemsOf({ jwt: { secret: '' } })).toEqual([
      'auth.jwt.secret is empty: set it, or load the .env file that contains it',
    ]);
  });

  it.each(['j'.repeat(31), 'é'.repeat(15), Buffer.alloc(31)])(
    'rejects a secret under 32 bytes: %p',
    short => {
      expect(problemsOf({ jwt: { secret: short } })).toEqual([
        'auth.jwt.secret must have at least 32 bytes',
      ]);
    },
  );

  it.each([null, 12_345_678, {}, []])(
    'rejects a secret that is neither text nor bytes, without quoting it: %p',
    wrong => {
      expect(problemsOf({ jwt: { secret: wrong } })).toEqual([
        'auth.jwt.secret must be a string or bytes',
      ]);
    },
  );

  it.each(['keyProvider', 'toUser'])('rejects a %s that is not a function', name => {
    const keys = name === 'keyProvider' ? { algorithms: ['ES256'] } : { secret };
    for (const wrong of ['function', {}, true, null])
      expect(problemsOf({ jwt: { ...keys, [name]: wrong } })).toContain(
        `auth.jwt.${name} must be a function`,
      );
  });

  it.each([-1, 0.5, NaN, null])('rejects a clockTolerance of %p', clockTolerance => {
    expect(problemsOf({ jwt: { secret, clockTolerance } })).toEqual([
      'auth.jwt.clockTolerance must be a whole number of at least 0',
    ]);
  });

  it.each(['audience', 'issuer'])(
    'rejects an %s that is not a string or a list of strings',
    name => {
      for (const wrong of ['', [], [''], ['me', ''], 1, null, {}, [1]])
        expect(problemsOf({ jwt: { secret, [name]: wrong } })).toEqual([
          `auth.jwt.${name} must be a non-empty string or a list of them`,
        ]);
    },
  );

  it('rejects a secret with surrounding white space, which copies of it may lack', () => {
    const surrounded = [`${secret}\n`, ` ${secret}`, `${secret}\r\n`, Buffer.from(`${secret}\n`)];
    for (const given of surrounded)
      expect(problemsOf({ jwt: { secret: given } })).toEqual([
        expect.stringContaining('has white space around it'),
      ]);
    const random = Buffer.concat([Buffer.alloc(40, 0xe3), Buffer.from('\n')]);
    expect(problemsOf({ jwt: { secret: random } })).toEqual([]);
    expect(problemsOf({ jwt: { secret: `two words ${secret}` } })).toEqual([]);
  });

  it('rejects a secret in quotation marks, which Docker keeps from an env file', () => {
    for (const given of [`"${secret}"`, `'${secret}'`, Buffer.from(`"${secret}"`)])
      expect(problemsOf({ jwt: { secret: given } })).toEqual([
        expect.stringContaining('auth.jwt.secret has quotation marks around it'),
      ]);
    for (const given of [`"${secret}`, `${secret}'`, `"${secret}'`])
      expect(problemsOf({ jwt: { secret: given } })).toEqual([]);
  });

  it.each(['audience', 'issuer'] as const)(
    'rejects an %s with white space or quotation marks around it, which no token has',
    name => {
      for (const [wrong, problem] of [
        ['my-app\r', 'white space'],
        [['me', ' my-app'], 'white space'],
        ['"my-app"', 'quotation marks'],
      ] as const)
        expect(problemsOf({ jwt: { secret, [name]: wrong } })).toEqual([
          expect.stringContaining(`auth.jwt.${name} has ${problem} around it`),
        ]);
    },
  );

  it.each(['pem', 'KeyObject'])('rejects an RSA key under 2048 bits, given as %s', form => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey;
    const given = form === 'pem' ? weak.export({ type: 'spki', format: 'pem' }) : weak;
    expect(problemsOf({ jwt: { publicKey: given, algorithms: ['RS256'] } })).toEqual([
      expect.stringContaining('at least 2048 bits if it is an RSA key (it has 1024)'),
    ]);
  });

  it('rejects a public key as the secret', () => {
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    for (const key of [pem, Buffer.from(pem), ` ${pem.toString()}`])
      expect(problemsOf({ jwt: { secret: key } })).toEqual([
        'auth.jwt.secret may not be a PEM key',
      ]);
  });

  it.each([
    ['a JWK', publicKey.export({ format: 'jwk' })],
    ['null', null],
    ['a number', 5],
  ])('rejects %s as the public key', (_, key) => {
    expect(problemsOf({ jwt: { publicKey: key, algorithms: ['ES256'] } })).toEqual([
      expect.stringMatching(/^auth\.jwt\.publicKey must be a PEM key, a KeyObject or a CryptoKey/),
    ]);
  });

  it('rejects unknown options', () => {
    expect(problemsOf({ jwt: { secret, algorithm: 'none', ignoreExpiration: true } })).toEqual([
      'auth.jwt.algorithm is not an option',
      'auth.jwt.ignoreExpiration is not an option',
    ]);
  });
});

describe('auth.jwt.algorithms', () => {
  it.each([
    ['cannot be read', 'nonsense'],
    [
      'has its newlines written as a backslash and an n',
      String(publicKey.export({ type: 'spki', format: 'pem' })).replaceAll('\n', String.raw`\n`),
    ],
  ])('rejects a public key that %s', (complaint, key) => {
    expect(problemsOf({ jwt: { publicKey: key, algorithms: ['ES256'] } })).toEqual([
      expect.stringMatching(new RegExp(`^auth\\.jwt\\.publicKey ${complaint}`)),
    ]);
  });

  it.each([{ publicKey }, { keyProvider }])('are required without a secret (%#)', keys => {
    expect(problemsOf({ jwt: keys })).toEqual([
      'auth.jwt.algorithms must name the algorithms taken',
    ]);
  });

  it.each([[], null, 'HS256', {}])('reject %j, which is not a non-empty list', algorithms => {
    expect(problemsOf({ jwt: { secret, algorithms } })).toEqual([
      'auth.jwt.algorithms must be a list of algorithms',
    ]);
  });

  it.each([
    'none',
    'None',
    '',
    'hs256',
    'HS1',
    'HS2567',
    'XHS256',
    'EdDSA',
    'dir',
    256,
    null,
    ['HS256'],
  ])('reject %j', algorithm => {
    const problem = 'auth.jwt.algorithms may name HS, RS, PS and ES algorithms only, such as ES256';

    expect(problemsOf({ jwt: { secret, algorithms: ['HS256', algorithm] } })).toEqual([problem]);
    expect(problemsOf({ jwt: { keyProvider, algorithms: [algorithm, 'RS256'] } })).toEqual([
      problem,
    ]);
  });

  it.each(['RS256', 'PS384', 'ES512'])('reject %s with a secret', algorithm => {
    expect(problemsOf({ jwt: { secret, algorithms: ['HS256', algorithm] } })).toEqual([
      `auth.jwt.algorithms cannot have ${algorithm} with a secret`,
    ]);
  });

  it.each(['HS256', 'HS384', 'HS512'])('reject %s with a public key', algorithm => {
    expect(problemsOf({ jwt: { publicKey, algorithms: ['RS256', algorithm] } })).toEqual([
      `auth.jwt.algorithms cannot have ${algorithm} with a public key`,
    ]);
  });
});
