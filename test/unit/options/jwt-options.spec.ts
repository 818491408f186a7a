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
  ])('may have %s', (_title, jwt) => {
    expect(problemsOf({ jwt })).toEqual([]);
  });

  it.each([null, 'secret', []])('must be an object, not %j', jwt => {
    expect(problemsOf({ jwt })).toEqual(['auth.jwt must be an object']);
  });

  it.each([
    ['no key', { algorithms: ['HS256'] }],
    ['a secret and a key provider', { secret, keyProvider }],
    ['a public key and a key provider', { publicKey, keyProvider, algorithms: ['ES256'] }],
  ])('has exactly one source of keys, not %s', (_title, jwt) => {
    expect(problemsOf({ jwt })).toEqual([
      'auth.jwt must have exactly one of secret, publicKey and keyProvider',
    ]);
  });

  it.each(['', 'j'.repeat(31), 'é'.repeat(15), Buffer.alloc(31)])(
    'has no secret under 32 bytes: %p',
    short => {
      expect(problemsOf({ jwt: { secret: short } })).toEqual([
        'auth.jwt.secret must have at least 32 bytes',
      ]);
    },
  );

  it.each([null, 12_345_678, {}, []])(
    'has no secret that is neither text nor bytes, and shows none: %p',
    wrong => {
      expect(problemsOf({ jwt: { secret: wrong } })).toEqual([
        'auth.jwt.secret must be a string or bytes',
      ]);
    },
  );

  it.each(['keyProvider', 'toUser'])('has a function as %s', name => {
    const keys = name === 'keyProvider' ? { algorithms: ['ES256'] } : { secret };
    for (const wrong of ['function', {}, true, null])
      expect(problemsOf({ jwt: { ...keys, [name]: wrong } })).toContain(
        `auth.jwt.${name} must be a function`,
      );
  });

  it.each([-1, 0.5, '0', NaN, null])('has no clockTolerance of %p', clockTolerance => {
    expect(problemsOf({ jwt: { secret, clockTolerance } })).toEqual([
      'auth.jwt.clockTolerance must be a whole number of at least 0',
    ]);
  });

  it.each(['audience', 'issuer'])('looks for an %s that is text, or a list of texts', name => {
    for (const wrong of ['', [], [''], ['me', ''], 1, null, {}, [1]])
      expect(problemsOf({ jwt: { secret, [name]: wrong } })).toEqual([
        `auth.jwt.${name} must be a non-empty string or a list of them`,
      ]);
  });

  it('has no public key as its secret, which anybody could sign with', () => {
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    for (const key of [pem, Buffer.from(pem), ` ${pem.toString()}`])
      expect(problemsOf({ jwt: { secret: key } })).toEqual([
        'auth.jwt.secret may not be a PEM key',
      ]);
  });

  it('has no option that does not exist', () => {
    expect(problemsOf({ jwt: { secret, algorithm: 'none', ignoreExpiration: true } })).toEqual([
      'auth.jwt.algorithm is not an option',
      'auth.jwt.ignoreExpiration is not an option',
    ]);
  });
});

describe('auth.jwt.algorithms', () => {
  it.each([{ publicKey }, { keyProvider }])('is required without a secret (%#)', keys => {
    expect(problemsOf({ jwt: keys })).toEqual([
      'auth.jwt.algorithms must name the algorithms taken',
    ]);
  });

  it.each([[], null, 'HS256', {}])('is a list that is not empty, not %j', algorithms => {
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
  ])('never has %j', algorithm => {
    const problem = 'auth.jwt.algorithms may name HS, RS, PS and ES algorithms only, such as ES256';

    expect(problemsOf({ jwt: { secret, algorithms: ['HS256', algorithm] } })).toEqual([problem]);
    expect(problemsOf({ jwt: { keyProvider, algorithms: [algorithm, 'RS256'] } })).toEqual([
      problem,
    ]);
  });

  it.each(['RS256', 'PS384', 'ES512'])('never has %s with a secret', algorithm => {
    expect(problemsOf({ jwt: { secret, algorithms: ['HS256', algorithm] } })).toEqual([
      `auth.jwt.algorithms cannot have ${algorithm} with a secret`,
    ]);
  });

  it.each(['HS256', 'HS384', 'HS512'])(
    'never has %s with a public key, which anybody knows',
    algorithm => {
      expect(problemsOf({ jwt: { publicKey, algorithms: ['RS256', algorithm] } })).toEqual([
        `auth.jwt.algorithms cannot have ${algorithm} with a public key`,
      ]);
    },
  );
});
