import {
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { JwtVerifier } from '../../../lib/auth/jwt-verifier.js';
import type { ClientUser, JwtAuthOptions, JwtClaims, JwtKey } from '../../../lib/options/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';

const jwt = new JwtService({});
const SECRET = 'jwt-secret-jwt-secret-jwt-secret-jwt!';
const clock = new FakeClock();
const NOW = Math.floor(clock.now() / 1000);
const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout';
const claims = { sub: 'alice', exp: NOW + 60, iat: NOW };

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string;

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Creates a token as an attacker would: any header, any payload, HMAC with any key. */
function forge(header: object, payload: unknown, key: string | Buffer = SECRET): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

const signed = (payload: object, key: KeyObject, algorithm: 'RS256' | 'ES256', kid?: string) =>
  jwt.sign(payload, {
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    algorithm,
    allowInsecureKeySizes: true,
    ...(kid === undefined ? {} : { keyid: kid }),
  });

/** Returns the id of the user, null if there is none, or 'refused'. */
async function userOf(token: string, options: JwtAuthOptions = { secret: SECRET }) {
  try {
    return (await new JwtVerifier(options, clock, jwt).verify(token))?.id ?? null;
  } catch {
    return 'refused';
  }
}

const accepts = async (token: string, options?: JwtAuthOptions) => {
  const user = await userOf(token, options);
  return user !== null && user !== 'refused';
};

const HS = { alg: 'HS256', typ: 'JWT' };

describe('JwtVerifier', () => {
  it.each<[string, () => string, JwtAuthOptions]>([
    ['HS256', () => forge(HS, claims), { secret: SECRET }],
    ['HS256, its secret in bytes', () => forge(HS, claims), { secret: Buffer.from(SECRET) }],
    [
      'RS256',
      () => signed(claims, rsa.privateKey, 'RS256'),
      { publicKey: pem(rsa.publicKey), algorithms: ['RS256'] },
    ],
    [
      'ES256',
      () => signed(claims, ec.privateKey, 'ES256'),
      { publicKey: ec.publicKey, algorithms: ['ES256'] },
    ],
    [
      'ES256 with the private key, whose public key is used',
      () => signed(claims, ec.privateKey, 'ES256'),
      { publicKey: ec.privateKey, algorithms: ['ES256'] },
    ],
  ])('accepts a token signed with %s', async (_, token, options) => {
    expect(await userOf(token(), options)).toBe('alice');
  });

  it('turns a numeric sub into a string', async () => {
    expect(await userOf(forge(HS, { ...claims, sub: 7 }))).toBe('7');
  });

  it.each<[string, string, JwtAuthOptions, string]>([
    ['garbage', 'garbage', { secret: SECRET }, 'not a JSON Web Token'],
    ['a header value', 'Bearer e30.e30.x', { secret: SECRET }, 'the token begins with Bearer'],
    ...['undefined', 'null', '[object Object]'].map(
      (token): [string, string, JwtAuthOptions, string] => [
        `the text ${token}`,
        token,
        { secret: SECRET },
        `the token is the text ${token}`,
      ],
    ),
    ['encryption', 'e30..e30.e30.e30', { secret: SECRET }, 'the token is encrypted'],
    ...['"e30.e30.x"', 'e30.e30.x\n'].map((token): [string, string, JwtAuthOptions, string] => [
      JSON.stringify(token),
      token,
      { secret: SECRET },
      'the token has quotation marks or white space around it',
    ]),
    ['no exp', forge(HS, { sub: 'a' }), { secret: SECRET }, 'no exp claim'],
    ['no sub', forge(HS, { exp: NOW + 60 }), { secret: SECRET }, 'no sub claim'],
    ['an invalid sub', forge(HS, { ...claims, sub: ['a'] }), { secret: SECRET }, 'sub is a list'],
    [
      'another audience',
      forge(HS, { ...claims, aud: 'x' }),
      { secret: SECRET, audience: 'me' },
      'audience differs',
    ],
    [
      'another issuer',
      forge(HS, { ...claims, iss: 'x' }),
      { secret: SECRET, issuer: 'me' },
      'issuer differs',
    ],
    [
      'an exp in the past',
      forge(HS, { ...claims, exp: NOW - 9 }),
      { secret: SECRET },
      'expired 9 s ago',
    ],
    [
      'another key',
      forge(HS, claims, 'k'.repeat(40)),
      { secret: SECRET },
      'the signature does not',
    ],
    [
      'another algorithm',
      signed(claims, rsa.privateKey, 'RS256'),
      { secret: SECRET },
      'algorithm RS256 is not allowed (HS256)',
    ],
    [
      'an algorithm that is none of several',
      signed(claims, rsa.privateKey, 'RS256'),
      { secret: SECRET, algorithms: ['HS256', 'HS512'] },
      'algorithm RS256 is not allowed (HS256, HS512)',
    ],
    [
      'a key of another type',
      signed(claims, rsa.privateKey, 'RS256'),
      { publicKey: ec.publicKey, algorithms: ['RS256'] },
      'the ec key does not fit RS256',
    ],
    [
      'a key id that is unknown',
      signed(claims, rsa.privateKey, 'RS256', 'old'),
      { keyProvider: () => null, algorithms: ['RS256'] },
      'auth.jwt.keyProvider has no key for kid old',
    ],
    [
      'no key id that the key provider knows',
      signed(claims, rsa.privateKey, 'RS256'),
      { keyProvider: () => null, algorithms: ['RS256'] },
      'auth.jwt.keyProvider has no key for kid (none)',
    ],
    [
      'a key of the key provider that does not suit its algorithm',
      signed(claims, rsa.privateKey, 'RS256'),
      { keyProvider: () => 'x'.repeat(32), algorithms: ['RS256'] },
      'the key of auth.jwt.keyProvider cannot be used for RS256',
    ],
    [
      'an RSA key of the key provider with 1024 bits',
      signed(claims, weak.privateKey, 'RS256'),
      { keyProvider: () => weak.publicKey, algorithms: ['RS256'] },
      'the key of auth.jwt.keyProvider cannot be used for RS256',
    ],
    [
      'no signature',
      forge(HS, claims).replace(/[^.]*$/, ''),
      { secret: SECRET },
      'the token is not signed',
    ],
    [
      'a critical extension',
      forge({ ...HS, crit: [] }, claims),
      { secret: SECRET },
      'the header has crit, and no extension is supported',
    ],
    ['a header without alg', forge({}, claims), { secret: SECRET }, 'the header has no alg'],
    [
      'a key id that is not text',
      forge({ ...HS, kid: 7 }, claims),
      { secret: SECRET },
      'kid is not a string',
    ],
    ['two parts', forge(HS, claims).replace(/\.[^.]*$/, ''), { secret: SECRET }, 'not a JSON Web'],
    ['null as its header', 'bnVsbA.e30.x', { secret: SECRET }, 'not a JSON Web Token'],
    [
      'claims that are a list',
      forge(HS, [claims] as never),
      { secret: SECRET },
      'the claims are not a JSON object',
    ],
    ['claims that are text', forge(HS, 'alice'), { secret: SECRET }, 'the claims are not a JSON'],
    [
      'an exp that is text',
      forge(HS, { ...claims, exp: '9' }),
      { secret: SECRET },
      'exp is not a number',
    ],
    [
      'an nbf that is text',
      forge(HS, { ...claims, nbf: '9' }),
      { secret: SECRET },
      'nbf is not a number',
    ],
    [
      'an nbf in the future',
      forge(HS, { ...claims, nbf: NOW + 9 }),
      { secret: SECRET },
      'not valid yet: nbf is 9 s in the future (auth.jwt.clockTolerance)',
    ],
    ['a null sub', forge(HS, { ...claims, sub: null }), { secret: SECRET }, 'no sub claim'],
    ['an empty sub', forge(HS, { ...claims, sub: '' }), { secret: SECRET }, 'no sub claim'],
    [
      'half a number as its sub',
      forge(HS, { ...claims, sub: 1.5 }),
      { secret: SECRET },
      'sub is a number and must be a string',
    ],
    [
      'a sid that is an object',
      forge(HS, { ...claims, sid: {} }),
      { secret: SECRET },
      'sid is neither a text nor a whole number',
    ],
    ['an empty sid', forge(HS, { ...claims, sid: '' }), { secret: SECRET }, 'sid is neither'],
  ])('rejects a token with %s and gives the reason', async (_, token, options, reason) => {
    const verify = async () => new JwtVerifier(options, clock, jwt).verify(token);
    await expect(verify()).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      reason: expect.stringContaining(reason),
    });
  });

  it.each<[string, unknown, string]>([
    ['31 bytes', 'x'.repeat(31), 'The secret of an HS algorithm must have at least 32 bytes'],
    ['a public key', rsa.publicKey, 'The secret of an HS algorithm must have at least 32 bytes'],
    ['a PEM', pem(rsa.publicKey), 'The secret of an HS algorithm must not be a key of a key pair'],
  ])('cannot be created with %s as the secret', (_, secret, problem) => {
    expect(() => new JwtVerifier({ secret: secret as string }, clock, jwt)).toThrow(
      new TypeError(problem),
    );
  });

  it('cannot be created with a secret as the public key', () => {
    const publicKey = createSecretKey(Buffer.from(SECRET));
    expect(() => new JwtVerifier({ publicKey }, clock, jwt)).toThrow(
      new TypeError('The key is a secret and must be a public key'),
    );
  });

  it('accepts a secret of exactly 32 bytes', async () => {
    const secret = 'x'.repeat(32);
    expect(await accepts(forge(HS, claims, secret), { secret })).toBe(true);
  });

  it('verifies with a CryptoKey, as jose key sets return them', async () => {
    const key = await crypto.subtle.importKey(
      'spki',
      rsa.publicKey.export({ type: 'spki', format: 'der' }),
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      true,
      ['verify'],
    );
    const token = signed(claims, rsa.privateKey, 'RS256');
    expect(await userOf(token, { keyProvider: () => key, algorithms: ['RS256'] })).toBe('alice');
  });

  it('returns the user id, roles, session, issue time and expiry', () => {
    const token = forge(HS, { ...claims, sid: 'session', jti: 'token', roles: ['a', 7] });
    expect(new JwtVerifier({ secret: SECRET }, clock, jwt).verify(token)).toEqual({
      id: 'alice',
      roles: ['a'],
      sessionId: 'session',
      issuedAt: clock.now(),
      expiresAt: claims.exp * 1000,
    });
  });

  it.each([
    ['jti', { jti: 'token' }, 'token'],
    ['nothing', {}, undefined],
    ['a sid that is a whole number', { sid: 7, jti: 'token' }, '7'],
  ])('takes the session id from %s', async (_, named, session) => {
    const user = await new JwtVerifier({ secret: SECRET }, clock, jwt).verify(
      forge(HS, { ...claims, ...named }),
    );
    expect(user?.sessionId).toBe(session);
  });

  it.each<[string, unknown]>([
    ['expired', { ...claims, exp: NOW }],
    ['without exp', { sub: 'alice' }],
    ['whose exp is a string', { ...claims, exp: String(NOW + 60) }],
    ['not valid yet', { ...claims, nbf: NOW + 1 }],
    ['without sub', { exp: NOW + 60 }],
    ['with an empty sub', { ...claims, sub: '' }],
    ['with a sub that is not a whole number', { ...claims, sub: 7.5 }],
    ['with a sub that is a list', { ...claims, sub: ['alice'] }],
    ['with an empty sid', { ...claims, sid: '' }],
    ['with a sid that is null', { ...claims, sid: null }],
    ['with a sid that is a list', { ...claims, sid: ['s'] }],
    ['with a sid that is not a whole number', { ...claims, sid: 1.5 }],
    ['that is null', null],
    ['that is text', 'alice'],
    ['that is a list', [claims]],
  ])('rejects a token %s', async (_, payload) => {
    expect(await accepts(forge(HS, payload))).toBe(false);
  });

  it.each<[string, object]>([
    ['none', { alg: 'none' }],
    ['None', { alg: 'None' }],
    ['not a string', { alg: ['HS256'] }],
    ['missing', {}],
    ['another algorithm for the same key', { alg: 'HS512' }],
  ])('rejects a token whose alg is %s', async (_, header) => {
    expect(await accepts(forge(header, claims))).toBe(false);
    expect(await accepts(`${base64url(header)}.${base64url(claims)}.`)).toBe(false);
  });

  it('rejects a token with a critical extension', async () => {
    expect(await accepts(forge({ ...HS, crit: ['b64'], b64: true }, claims))).toBe(false);
    expect(await accepts(forge({ ...HS, crit: [] }, claims))).toBe(false);
  });

  it.each<[string, object, object, boolean]>([
    ['a logout token', {}, { events: { [LOGOUT]: {} } }, false],
    ['a logout token by its type', { typ: 'logout+jwt' }, {}, false],
    ['an event of the issuer', { typ: 'application/SecEvent+JWT' }, {}, false],
    ['a token with a claim events of the application', {}, { events: ['concert'] }, true],
    ['an access token', { typ: 'at+jwt' }, {}, true],
    ['a type of the application', { typ: 'session+jwt' }, {}, true],
  ])('tells a token for a user from others that its issuer signs: %s', async (...given) => {
    const [, header, more, accepted] = given;
    expect(await accepts(forge({ ...HS, ...header }, { ...claims, ...more }))).toBe(accepted);
  });

  it.each<[string, JwtAuthOptions, object, boolean]>([
    ['its audience', { secret: SECRET, audience: 'me' }, { aud: 'me' }, true],
    ['its audience among others', { secret: SECRET, audience: 'me' }, { aud: ['x', 'me'] }, true],
    ['another audience', { secret: SECRET, audience: 'me' }, { aud: 'other' }, false],
    ['no audience', { secret: SECRET, audience: 'me' }, {}, false],
    ['its issuer', { secret: SECRET, issuer: ['it'] }, { iss: 'it' }, true],
    ['another issuer', { secret: SECRET, issuer: 'it' }, { iss: 'other' }, false],
    ['no issuer', { secret: SECRET, issuer: 'it' }, {}, false],
  ])('checks audience and issuer: %s', async (_, options, more, accepted) => {
    expect(await accepts(forge(HS, { ...claims, ...more }), options)).toBe(accepted);
  });

  it('accepts an expired token within the clock tolerance', async () => {
    const options = { secret: SECRET, clockTolerance: 5_000 };
    expect(await accepts(forge(HS, { ...claims, exp: NOW - 4 }), options)).toBe(true);
    expect(await accepts(forge(HS, { ...claims, exp: NOW - 5 }), options)).toBe(false);
    expect(await accepts(forge(HS, { ...claims, nbf: NOW + 5 }), options)).toBe(true);
  });

  it.each(['', '.', '..', 'a.b.c', 'e30.e30.', 'null', '{}'])(
    'rejects %j, which is not a token',
    async text => {
      expect(await accepts(text)).toBe(false);
    },
  );
});

describe('JwtVerifier never uses a public key as the secret of an HS algorithm', () => {
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' });
  const forms: [string, JwtKey, string | Buffer][] = [
    ['PEM', pem(rsa.publicKey), pem(rsa.publicKey)],
    ['PEM with space before', `\n ${pem(rsa.publicKey)}`, `\n ${pem(rsa.publicKey)}`],
    ['PEM in bytes', Buffer.from(pem(rsa.publicKey)), pem(rsa.publicKey)],
    ['DER', der, der],
    ['a KeyObject', rsa.publicKey, pem(rsa.publicKey)],
  ];

  it.each(forms)('if a key provider returns it as %s', async (_, key, bytes) => {
    const options: JwtAuthOptions = { keyProvider: () => key, algorithms: ['RS256', 'HS256'] };
    expect(await accepts(forge(HS, claims, bytes), options)).toBe(false);
  });

  it.each(forms)('if it is %s and only RS256 is allowed', async (_, key, bytes) => {
    const publicKey =
      Buffer.isBuffer(key) && key === der ? createPublicKey(pem(rsa.publicKey)) : key;
    const options: JwtAuthOptions = { publicKey, algorithms: ['RS256'] };
    expect(await accepts(forge(HS, claims, bytes), options)).toBe(false);
  });
});

describe('toUser', () => {
  const token = forge(HS, { ...claims, jti: 'session' });
  const made = async (user: ClientUser | null) =>
    new JwtVerifier({ secret: SECRET, toUser: () => user }, clock, jwt).verify(token);

  it.each<[string, ClientUser]>([
    ['omits them', { id: 'alice' }],
    [
      'leaves them undefined',
      { id: 'alice', expiresAt: undefined, sessionId: undefined, issuedAt: undefined },
    ],
  ])(
    'keeps expiry, session and issue time of the token if the returned user %s',
    async (_, user) => {
      expect(await made(user)).toEqual({
        id: 'alice',
        expiresAt: claims.exp * 1000,
        sessionId: 'session',
        issuedAt: clock.now(),
      });
    },
  );

  it('may be asynchronous and may return an instance of a class', async () => {
    class Account {
      constructor(private readonly claimed: string) {}
      get id() {
        return this.claimed;
      }
    }
    const toUser = (made: JwtClaims) => Promise.resolve(new Account(made.sub));
    const user = await new JwtVerifier({ secret: SECRET, toUser }, clock, jwt).verify(token);
    expect(user).toBeInstanceOf(Account);
    expect(user).toMatchObject({ id: claims.sub, sessionId: 'session' });
  });

  it('may set its own expiry, session and issue time, or reject the user with null', async () => {
    const user = { id: 'alice', expiresAt: 1, sessionId: 'own', issuedAt: 2, name: 'Alice' };
    expect(await made(user)).toEqual(user);
    expect(await made(null)).toBeNull();
  });
});

describe('keyProvider', () => {
  const keys = new Map<string, JwtKey>([
    ['rsa', rsa.publicKey],
    ['ec', pem(ec.publicKey)],
    ['shared', SECRET],
  ]);
  const options: JwtAuthOptions = {
    keyProvider: ({ kid = '' }) => Promise.resolve(keys.get(kid)),
    algorithms: ['RS256', 'ES256', 'HS256'],
  };

  it('selects the key of a token by its kid', async () => {
    expect(await accepts(signed(claims, rsa.privateKey, 'RS256', 'rsa'), options)).toBe(true);
    expect(await accepts(signed(claims, ec.privateKey, 'ES256', 'ec'), options)).toBe(true);
    expect(await accepts(forge({ ...HS, kid: 'shared' }, claims), options)).toBe(true);
  });

  it.each([
    ['the kid of another key', () => signed(claims, rsa.privateKey, 'RS256', 'ec')],
    ['an unknown kid', () => signed(claims, rsa.privateKey, 'RS256', 'unknown')],
    ['no kid', () => signed(claims, rsa.privateKey, 'RS256')],
    ['a kid that is not a string', () => forge({ ...HS, kid: ['shared'] }, claims)],
    ['the shared secret under the kid of a public key', () => forge({ ...HS, kid: 'rsa' }, claims)],
  ])('rejects a token with %s', async (_, token) => {
    expect(await accepts(token(), options)).toBe(false);
  });

  it('is not called for an algorithm that is not allowed', async () => {
    let calls = 0;
    const keyProvider = () => {
      calls++;
      return rsa.publicKey;
    };
    await accepts(forge({ alg: 'none' }, claims), { keyProvider, algorithms: ['RS256'] });
    await accepts(forge(HS, claims), { keyProvider, algorithms: ['RS256'] });
    expect(calls).toBe(0);
  });

  it.each<[string, JwtAuthOptions['keyProvider']]>([
    ['null', () => null],
    ['undefined', () => undefined],
    ['nonsense', () => 'nonsense'],
    ['a short secret', () => 'short'],
    [
      'an error',
      () => {
        throw new Error('down');
      },
    ],
    ['a rejection', () => Promise.reject(new Error('down'))],
  ])('rejects a token if the provider returns %s', async (_, keyProvider) => {
    const taken: JwtAuthOptions = { keyProvider, algorithms: ['RS256', 'HS256'] };
    expect(await accepts(signed(claims, rsa.privateKey, 'RS256'), taken)).toBe(false);
    expect(await accepts(forge(HS, claims, 'short'), taken)).toBe(false);
  });
});
