import { createHmac } from 'node:crypto';
import {
  type JwtClaims,
  type OidcAuthOptions,
  type SecurityEvent,
  SecurityEvents,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { encode, Issuer } from '../helpers/issuer.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TestApp } from '../helpers/test-app.js';

const AUDIENCE = 'https://api.example.com';
const claims = { sub: 'alice', aud: AUDIENCE };

async function start(oidc: OidcAuthOptions, timeout?: number) {
  let log: LogLine[] = [];
  const app = await TestApp.start({
    gateways: [DemoGateway],
    options: { audit: 'off', auth: { oidc, timeout, attempts: { burst: 1 } } },
    prepare: () => {
      log = captureLog();
    },
  });
  const seen: SecurityEvent[] = [];
  app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
  const reason = () =>
    seen.flatMap(event => ('reason' in event ? (event.reason ?? []) : [])).at(-1);
  return {
    authenticate: async (token: string) => (await app.connect()).authenticate(token),
    reason,
    errors: () => log.filter(({ level }) => level === 'error').map(({ text }) => text),
  };
}

describe('a token of an issuer', () => {
  it.each(['RS256', 'ES256', 'EdDSA'] as const)('signed by %s is accepted', async algorithm => {
    const issuer = await Issuer.start('', algorithm);
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    const answer = await authenticate(issuer.token(claims));
    expect(answer).toMatchObject({ type: 'auth_success', user_id: 'alice' });
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/jwks']);
  });

  it.each([undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt'])(
    'of the type %s is accepted',
    async typ => {
      const issuer = await Issuer.start();
      const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
      const token = issuer.token({ ...claims, events: ['sale'] }, { typ });
      expect((await authenticate(token)).type).toBe('auth_success');
    },
  );

  it('is verified with keys that are fetched once', async () => {
    const issuer = await Issuer.start();
    const { authenticate } = await start({
      issuer: issuer.url,
      audience: ['other', AUDIENCE],
      jwksUri: `${issuer.url}/jwks`,
    });
    for (const sub of ['alice', 'bob', 'carol'])
      expect(await authenticate(issuer.token({ ...claims, sub }))).toHaveProperty('user_id', sub);
    expect(issuer.requests).toEqual(['/jwks']);
  });

  // Auth0 access tokens for an API: the issuer ends in a slash, and permissions are a list.
  it('as Auth0 issues it is accepted', async () => {
    const issuer = await Issuer.start('/');
    const toUser = ({ sub, permissions }: JwtClaims) => ({
      id: sub,
      roles: permissions as string[],
    });
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE, toUser });
    const token = issuer.token({
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: [AUDIENCE, 'https://tenant.example/userinfo'],
      azp: 'client',
      scope: 'openid profile',
      permissions: ['admin'],
    });
    const answer = await authenticate(token);
    expect(answer).toMatchObject({ user_id: 'auth0|5f7c8ec7c33c6c004bbafe82' });
  });

  // Keycloak access tokens: the issuer has a path, and roles are nested.
  it('as Keycloak issues it is accepted', async () => {
    const issuer = await Issuer.start('/realms/demo');
    const toUser = ({ sub, realm_access }: JwtClaims) => ({
      id: sub,
      roles: (realm_access as { roles: string[] }).roles,
    });
    const { authenticate } = await start({ issuer: issuer.url, audience: 'orders', toUser });
    const answer = await authenticate(
      issuer.token({
        sub: 'f3b1',
        aud: ['orders', 'account'],
        typ: 'Bearer',
        azp: 'web',
        sid: 'session-1',
        realm_access: { roles: ['user'] },
      }),
    );
    expect(answer).toMatchObject({ user_id: 'f3b1' });
  });

  // Cognito access tokens: the client is in client_id, and aud is missing.
  it('as Cognito issues it is accepted by its client_id only', async () => {
    const issuer = await Issuer.start('/eu-west-1_abc');
    const { authenticate, reason } = await start({
      issuer: issuer.url,
      audience: 'app-client',
      audienceClaim: 'client_id',
    });
    const access = { sub: 'c0ffee', token_use: 'access', 'cognito:groups': ['admin'] };
    const answer = await authenticate(issuer.token({ ...access, client_id: 'app-client' }));
    expect(answer).toMatchObject({ user_id: 'c0ffee' });
    const id = await authenticate(issuer.token({ ...access, aud: 'app-client' }));
    expect(id.code).toBe('AUTH_FAILED');
    expect(reason()).toBe('no client_id claim');
  });

  // Clerk session tokens: azp is the origin of the page, and aud is missing.
  it('as Clerk issues it is accepted by its azp only', async () => {
    const issuer = await Issuer.start();
    const { authenticate, reason } = await start({
      issuer: issuer.url,
      audience: 'https://app.example.com',
      audienceClaim: 'azp',
    });
    const session = { sub: 'user_2abc', sid: 'sess_2abc', azp: 'https://app.example.com' };
    expect(await authenticate(issuer.token(session))).toMatchObject({ user_id: 'user_2abc' });
    const other = { ...session, azp: 'https://evil.example' };
    expect((await authenticate(issuer.token(other))).code).toBe('AUTH_FAILED');
    expect(reason()).toBe('azp differs from auth.oidc.audience');
  });
});

describe('a rejected token', () => {
  const hs256 = (issuer: Issuer) => {
    const key = issuer.keys[0]!.publicKey.export({ format: 'pem', type: 'spki' });
    const head = encode({ alg: 'HS256', kid: issuer.keys[0]!.kid });
    const input = `${head}.${encode({ iss: issuer.url, exp: 9_999_999_999, ...claims })}`;
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
  };
  it.each<[string, (issuer: Issuer) => string, RegExp]>([
    [
      'of another audience',
      i => i.token({ ...claims, aud: 'x' }),
      /^aud differs from auth.oidc.audience$/,
    ],
    ['without an audience', i => i.token({ ...claims, aud: undefined }), /^no aud claim$/],
    [
      'of another issuer',
      i => i.token({ ...claims, iss: `${i.url}/` }),
      /^issuer differs from auth.oidc.issuer$/,
    ],
    ['that has expired', i => i.token({ ...claims, exp: 1 }), /^expired \d+ s ago$/],
    [
      'that is not valid yet',
      i => i.token({ ...claims, nbf: 9_999_999_999 }),
      /^not valid yet: nbf is \d+ s in the future \(auth.oidc.clockTolerance\)$/,
    ],
    ['without exp', i => i.token({ ...claims, exp: undefined }), /^no exp claim$/],
    ['without sub', i => i.token({ ...claims, sub: undefined }), /^no sub claim$/],
    [
      'with alg none',
      i => i.token(claims, { alg: 'none' }).replace(/[^.]*$/, ''),
      /^algorithm none is not allowed/,
    ],
    ['signed by the public key as a secret', hs256, /^algorithm HS256 is not allowed \(RS256, /],
    [
      'signed by an unknown key',
      i => i.token(claims, { kid: 'x' }),
      /^the issuer has no key for the alg and kid/,
    ],
    [
      'with another signature',
      i => `${i.token(claims).slice(0, -4)}AAAA`,
      /^the signature does not match/,
    ],
    ['of the type logout+jwt', i => i.token(claims, { typ: 'logout+jwt' }), /^typ is neither JWT/],
    ['of a type that is no text', i => i.token(claims, { typ: ['JWT'] }), /^typ is neither JWT/],
    [
      'that ends a session',
      i =>
        i.token({
          ...claims,
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        }),
      /^the token is a logout token$/,
    ],
    ['with crit', i => i.token(claims, { crit: ['x'], x: 1 }), /not supported$/],
    ['that is none', () => 'garbage', /^not a JSON Web Token$/],
    // Auth0 issues such tokens if the client requests none for an API.
    ['that is encrypted', () => 'e30..e30.e30.e30', /^the token is encrypted, so only its issuer/],
    ['with its HTTP scheme', i => `Bearer ${i.token(claims)}`, /^the token begins with Bearer$/],
    ['in quotation marks', i => `"${i.token(claims)}"`, /^the token has quotation marks/],
  ])('%s is AUTH_FAILED, and the reason says why', async (_, make, why) => {
    const issuer = await Issuer.start();
    const { authenticate, reason } = await start({ issuer: issuer.url, audience: AUDIENCE });
    expect((await authenticate(make(issuer))).code).toBe('AUTH_FAILED');
    expect(reason()).toMatch(why);
    expect((await authenticate(issuer.token(claims))).type).toBe('auth_success');
  });

  it('of another issuer does not fetch keys', async () => {
    const issuer = await Issuer.start();
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    await authenticate(issuer.token({ ...claims, iss: 'https://evil.example' }));
    expect(issuer.requests).toEqual([]);
  });

  it('fetches the keys again at most every 10 s', async () => {
    const issuer = await Issuer.start();
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    for (let count = 0; count < 5; count++)
      await authenticate(issuer.token(claims, { kid: `forged-${count}` }));
    expect(issuer.requests.filter(path => path === '/jwks')).toHaveLength(1);
  });
});

describe('an issuer', () => {
  const { now } = Date;

  afterEach(() => {
    Date.now = now;
  });

  it('rotates its keys without a restart', async () => {
    const issuer = await Issuer.start();
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    const old = issuer.token(claims);
    expect((await authenticate(old)).type).toBe('auth_success');
    issuer.rotate('ES256');
    Date.now = () => now() + 10_001;
    expect((await authenticate(issuer.token(claims))).type).toBe('auth_success');
    expect((await authenticate(old)).code).toBe('AUTH_FAILED');
  });

  it.each<['fails' | 'hangs', string]>([
    ['fails', 'the issuer did not answer /.well-known/openid-configuration (status 500)'],
    ['hangs', 'Error was thrown'],
  ])(
    'that %s causes UNAVAILABLE and is not counted as a failed attempt, until it recovers',
    async (mode, why) => {
      const issuer = await Issuer.start();
      issuer.mode = mode;
      const { authenticate, reason, errors } = await start(
        { issuer: issuer.url, audience: AUDIENCE },
        500,
      );
      // More than the attempts of one address.
      for (let count = 0; count < 3; count++)
        expect((await authenticate(issuer.token(claims))).code).toBe('UNAVAILABLE');
      expect(reason()).toContain(why);
      expect(errors().length).toBeGreaterThan(0);
      expect(errors().join()).not.toContain(issuer.token(claims).split('.')[0]);
      issuer.mode = 'works';
      Date.now = () => now() + 1_001;
      if (mode === 'fails')
        expect((await authenticate(issuer.token(claims))).type).toBe('auth_success');
    },
  );

  it.each([
    ['discovery', /did not answer .* \(more than 1048576 bytes\)/],
    ['keys', /key set of the issuer cannot be used \(more than 1048576 bytes\)/],
  ])('that sends a document without end is not read beyond 1 MiB: %s', async (what, why) => {
    const issuer = await Issuer.start();
    const jwksUri = what === 'keys' ? `${issuer.url}/jwks` : undefined;
    const { authenticate, reason } = await start({
      issuer: issuer.url,
      audience: AUDIENCE,
      jwksUri,
    });
    issuer.mode = 'floods';
    expect((await authenticate(issuer.token(claims))).code).toBe('UNAVAILABLE');
    expect(reason()).toMatch(why);
    // The buffers of the sockets between the two.
    expect(issuer.flooded).toBeLessThan(2 ** 25);
    issuer.mode = 'works';
    Date.now = () => now() + 1_001;
    expect((await authenticate(issuer.token(claims))).type).toBe('auth_success');
  });

  it('whose documents are just below 1 MiB is used', async () => {
    const issuer = await Issuer.start();
    const padding = 'x'.repeat(2 ** 20 - 1_024);
    issuer.discovery = issuer.keySet = { padding };
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    expect((await authenticate(issuer.token(claims))).type).toBe('auth_success');
  });

  it.each(['discovery', 'keys'])('is not followed to another URL: %s', async what => {
    const issuer = await Issuer.start();
    const jwksUri = what === 'keys' ? `${issuer.url}/jwks` : undefined;
    const { authenticate, reason } = await start({
      issuer: issuer.url,
      audience: AUDIENCE,
      jwksUri,
    });
    issuer.mode = 'redirects';
    expect((await authenticate(issuer.token(claims))).code).toBe('UNAVAILABLE');
    expect(reason()).toContain('(status 302)');
    expect(issuer.requests).toHaveLength(1);
  });

  it('is asked once for the keys of many connections that authenticate together', async () => {
    const issuer = await Issuer.start();
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    const token = issuer.token(claims);
    const answers = await Promise.all(Array.from({ length: 8 }, () => authenticate(token)));
    expect(answers.map(({ type }) => type)).toEqual(Array(8).fill('auth_success'));
    expect(issuer.requests.filter(path => path === '/jwks')).toHaveLength(1);
  });

  it('that fails is not called again for each token of a client', async () => {
    const issuer = await Issuer.start();
    issuer.mode = 'fails';
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    const time = now();
    Date.now = () => time;
    for (let count = 0; count < 5; count++)
      expect((await authenticate(issuer.token(claims))).code).toBe('UNAVAILABLE');
    expect(issuer.requests).toHaveLength(1);
  });

  it('cannot forge a line of the log by its name', async () => {
    const issuer = await Issuer.start();
    issuer.discovery = { issuer: `https://other\n[Nest] ${'x'.repeat(1_000)}` };
    const { authenticate, errors } = await start({ issuer: issuer.url, audience: AUDIENCE });
    await authenticate(issuer.token(claims));
    expect(errors().join()).toContain('calls itself https://other\\u{a}[Nest] xxx');
    expect(errors().join().length).toBeLessThan(400);
  });

  it('whose keys are older than a clock that was set back has them fetched again', async () => {
    const issuer = await Issuer.start();
    const { authenticate } = await start({ issuer: issuer.url, audience: AUDIENCE });
    const token = issuer.token(claims);
    expect((await authenticate(token)).type).toBe('auth_success');
    Date.now = () => now() - 1_000;
    expect((await authenticate(token)).type).toBe('auth_success');
    expect(issuer.requests.filter(path => path === '/jwks')).toHaveLength(2);
  });

  it('that is down when keys are needed again causes UNAVAILABLE', async () => {
    const issuer = await Issuer.start();
    const { authenticate, reason } = await start({ issuer: issuer.url, audience: AUDIENCE });
    expect((await authenticate(issuer.token(claims))).type).toBe('auth_success');
    Date.now = () => now() + 600_001;
    issuer.mode = 'fails';
    expect((await authenticate(issuer.token(claims))).code).toBe('UNAVAILABLE');
    expect(reason()).toMatch(/^auth.oidc: the key set of the issuer cannot be used/);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'has another name',
      { issuer: 'https://other.example' },
      /but the issuer calls itself https:\/\/other/,
    ],
    [
      'names keys over http',
      { jwks_uri: 'http://keys.example/jwks' },
      /jwks_uri of the issuer is not an https URL/,
    ],
    [
      'names keys behind a password',
      { jwks_uri: 'https://a:b@keys.example' },
      /is not an https URL/,
    ],
    ['names no keys', { jwks_uri: undefined }, /is not an https URL/],
  ])('that %s is not used', async (_, discovery, why) => {
    const issuer = await Issuer.start();
    issuer.discovery = discovery;
    const { authenticate, reason } = await start({ issuer: issuer.url, audience: AUDIENCE });
    expect((await authenticate(issuer.token(claims))).code).toBe('UNAVAILABLE');
    expect(reason()).toMatch(why);
  });
});

describe('ES256K', () => {
  it('is rejected at start if the installed jose does not support it, and otherwise accepted', async () => {
    const issuer = await Issuer.start('', 'ES256K');
    const oidc: OidcAuthOptions = {
      issuer: issuer.url,
      audience: AUDIENCE,
      algorithms: ['ES256K'],
    };
    await expect(start(oidc)).rejects.toThrow(
      'auth.oidc.algorithms has ES256K, which the installed jose does not support: install jose@5',
    );
  });
});
