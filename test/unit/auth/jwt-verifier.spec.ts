import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { JwtVerifier } from '../../../lib/auth/jwt-verifier.js';
import type { ClientUser, JwtAuthOptions, JwtClaims, JwtKey } from '../../../lib/options/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';

const SECRET = 'jwt-secret-jwt-secret-jwt-secret-jwt!';
const clock = new FakeClock();
const NOW = Math.floor(clock.now() / 1000);
const claims = { sub: 'alice', exp: NOW + 60, iat: NOW };

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string;

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as an attacker writes one: any header, any payload, HMAC with any bytes. */
function forge(header: object, payload: unknown, key: string | Buffer = SECRET): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

const signed = (payload: object, key: KeyObject, algorithm: 'RS256' | 'ES256', kid?: string) =>
  new JwtService({}).sign(payload, {
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    algorithm,
    ...(kid === undefined ? {} : { keyid: kid }),
  });

/** The id of the user, null for none, or 'refused'. */
async function userOf(token: string, options: JwtAuthOptions = { secret: SECRET }) {
  try {
    return (await new JwtVerifier(options, clock).verify(token))?.id ?? null;
  } catch {
    return 'refused';
  }
}

const accepts = async (token: string, options?: JwtAuthOptions) => {
  const user = await userOf(token, options);
  return user !== null && user !== 'refused';
};

const HS = { alg: 'HS256', typ: 'JWT' };

describe('a token', () => {
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
      'ES256, by the private key its public half is taken of',
      () => signed(claims, ec.privateKey, 'ES256'),
      { publicKey: ec.privateKey, algorithms: ['ES256'] },
    ],
  ])('signed by %s is accepted', async (_, token, options) => {
    expect(await userOf(token(), options)).toBe('alice');
  });

  it('tells who, until when, and in which session', () => {
    const token = forge(HS, { ...claims, sid: 'session', jti: 'token', roles: ['a', 7] });
    expect(new JwtVerifier({ secret: SECRET }, clock).verify(token)).toEqual({
      id: 'alice',
      roles: ['a'],
      sessionId: 'session',
      expiresAt: claims.exp * 1000,
    });
  });

  it.each([
    ['jti', { jti: 'token' }, 'token'],
    ['nothing', {}, undefined],
    ['no sid that is not text', { sid: 7, jti: 'token' }, 'token'],
  ])('names its session by %s', async (_, named, session) => {
    const user = await new JwtVerifier({ secret: SECRET }, clock).verify(
      forge(HS, { ...claims, ...named }),
    );
    expect(user?.sessionId).toBe(session);
  });

  it.each<[string, unknown]>([
    ['expired', { ...claims, exp: NOW }],
    ['without exp', { sub: 'alice' }],
    ['whose exp is text', { ...claims, exp: String(NOW + 60) }],
    ['not valid yet', { ...claims, nbf: NOW + 1 }],
    ['without sub', { exp: NOW + 60 }],
    ['of an empty sub', { ...claims, sub: '' }],
    ['of a numeric sub', { ...claims, sub: 7 }],
    ['of a sub that is a list', { ...claims, sub: ['alice'] }],
    ['that is null', null],
    ['that is text', 'alice'],
    ['that is a list', [claims]],
  ])('%s is refused', async (_, payload) => {
    expect(await accepts(forge(HS, payload))).toBe(false);
  });

  it.each<[string, object]>([
    ['none', { alg: 'none' }],
    ['None', { alg: 'None' }],
    ['no text', { alg: ['HS256'] }],
    ['missing', {}],
    ['another of the same key', { alg: 'HS512' }],
  ])('whose alg is %s is refused', async (_, header) => {
    expect(await accepts(forge(header, claims))).toBe(false);
    expect(await accepts(`${base64url(header)}.${base64url(claims)}.`)).toBe(false);
  });

  it('that needs an extension understood is refused', async () => {
    expect(await accepts(forge({ ...HS, crit: ['b64'], b64: true }, claims))).toBe(false);
    expect(await accepts(forge({ ...HS, crit: [] }, claims))).toBe(false);
  });

  it.each<[string, JwtAuthOptions, object, boolean]>([
    ['its audience', { secret: SECRET, audience: 'me' }, { aud: 'me' }, true],
    ['its audience among others', { secret: SECRET, audience: 'me' }, { aud: ['x', 'me'] }, true],
    ['another audience', { secret: SECRET, audience: 'me' }, { aud: 'other' }, false],
    ['no audience', { secret: SECRET, audience: 'me' }, {}, false],
    ['its issuer', { secret: SECRET, issuer: ['it'] }, { iss: 'it' }, true],
    ['another issuer', { secret: SECRET, issuer: 'it' }, { iss: 'other' }, false],
    ['no issuer', { secret: SECRET, issuer: 'it' }, {}, false],
  ])('with %s', async (_, options, more, accepted) => {
    expect(await accepts(forge(HS, { ...claims, ...more }), options)).toBe(accepted);
  });

  it('is given as much time as the clocks may differ', async () => {
    const options = { secret: SECRET, clockTolerance: 5_000 };
    expect(await accepts(forge(HS, { ...claims, exp: NOW - 4 }), options)).toBe(true);
    expect(await accepts(forge(HS, { ...claims, exp: NOW - 5 }), options)).toBe(false);
    expect(await accepts(forge(HS, { ...claims, nbf: NOW + 5 }), options)).toBe(true);
  });

  it.each(['', '.', '..', 'a.b.c', 'e30.e30.', 'null', '{}'])('%j is none', async text => {
    expect(await accepts(text)).toBe(false);
  });
});

describe('a public key is never the secret of an HS algorithm', () => {
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' });
  const forms: [string, JwtKey, string | Buffer][] = [
    ['PEM', pem(rsa.publicKey), pem(rsa.publicKey)],
    ['PEM with space before', `\n ${pem(rsa.publicKey)}`, `\n ${pem(rsa.publicKey)}`],
    ['PEM in bytes', Buffer.from(pem(rsa.publicKey)), pem(rsa.publicKey)],
    ['DER', der, der],
    ['a KeyObject', rsa.publicKey, pem(rsa.publicKey)],
  ];

  it.each(forms)('given as %s by a key provider', async (_, key, bytes) => {
    const options: JwtAuthOptions = { keyProvider: () => key, algorithms: ['RS256', 'HS256'] };
    expect(await accepts(forge(HS, claims, bytes), options)).toBe(false);
  });

  it.each(forms)('given as %s where only RS256 is taken', async (_, key, bytes) => {
    const publicKey =
      Buffer.isBuffer(key) && key === der ? createPublicKey(pem(rsa.publicKey)) : key;
    const options: JwtAuthOptions = { publicKey, algorithms: ['RS256'] };
    expect(await accepts(forge(HS, claims, bytes), options)).toBe(false);
  });
});

describe('a user made of the claims', () => {
  const token = forge(HS, { ...claims, jti: 'session' });
  const made = async (user: ClientUser | null) =>
    new JwtVerifier({ secret: SECRET, toUser: () => user }, clock).verify(token);

  it.each<[string, ClientUser]>([
    ['says nothing of them', { id: 'alice' }],
    ['has them undefined', { id: 'alice', expiresAt: undefined, sessionId: undefined }],
  ])('keeps the end and the name of its token’s session where it %s', async (_, user) => {
    expect(await made(user)).toEqual({
      id: 'alice',
      expiresAt: claims.exp * 1000,
      sessionId: 'session',
    });
  });

  it('keeps its class, and is waited for', async () => {
    class Account {
      constructor(private readonly claimed: string) {}
      get id() {
        return this.claimed;
      }
    }
    const toUser = (made: JwtClaims) => Promise.resolve(new Account(made.sub));
    const user = await new JwtVerifier({ secret: SECRET, toUser }, clock).verify(token);
    expect(user).toBeInstanceOf(Account);
    expect(user).toMatchObject({ id: claims.sub, sessionId: 'session' });
  });

  it('has what it says itself, or is none', async () => {
    const user = { id: 'alice', expiresAt: 1, sessionId: 'own', name: 'Alice' };
    expect(await made(user)).toEqual(user);
    expect(await made(null)).toBeNull();
  });
});

describe('a key provider', () => {
  const keys = new Map<string, JwtKey>([
    ['rsa', rsa.publicKey],
    ['ec', pem(ec.publicKey)],
    ['shared', SECRET],
  ]);
  const options: JwtAuthOptions = {
    keyProvider: ({ kid = '' }) => Promise.resolve(keys.get(kid)),
    algorithms: ['RS256', 'ES256', 'HS256'],
  };

  it('finds the key of a token by its kid', async () => {
    expect(await accepts(signed(claims, rsa.privateKey, 'RS256', 'rsa'), options)).toBe(true);
    expect(await accepts(signed(claims, ec.privateKey, 'ES256', 'ec'), options)).toBe(true);
    expect(await accepts(forge({ ...HS, kid: 'shared' }, claims), options)).toBe(true);
  });

  it.each([
    ['the kid of another key', () => signed(claims, rsa.privateKey, 'RS256', 'ec')],
    ['an unknown kid', () => signed(claims, rsa.privateKey, 'RS256', 'unknown')],
    ['no kid', () => signed(claims, rsa.privateKey, 'RS256')],
    ['a kid that is no text', () => forge({ ...HS, kid: ['shared'] }, claims)],
    ['the shared secret under the kid of a public key', () => forge({ ...HS, kid: 'rsa' }, claims)],
  ])('refuses a token with %s', async (_, token) => {
    expect(await accepts(token(), options)).toBe(false);
  });

  it('is not asked for tokens of an algorithm that is not taken', async () => {
    let asked = 0;
    const keyProvider = () => {
      asked++;
      return rsa.publicKey;
    };
    await accepts(forge({ alg: 'none' }, claims), { keyProvider, algorithms: ['RS256'] });
    await accepts(forge(HS, claims), { keyProvider, algorithms: ['RS256'] });
    expect(asked).toBe(0);
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
  ])('that answers by %s refuses', async (_, keyProvider) => {
    const taken: JwtAuthOptions = { keyProvider, algorithms: ['RS256', 'HS256'] };
    expect(await accepts(signed(claims, rsa.privateKey, 'RS256'), taken)).toBe(false);
    expect(await accepts(forge(HS, claims, 'short'), taken)).toBe(false);
  });
});
