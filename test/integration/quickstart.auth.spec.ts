import { AppModule } from '../../sample/01-quickstart/app.module.js';
import { readConfig } from '../../sample/01-quickstart/config.js';
import { post } from '../helpers/http.js';
import { TestApp } from '../helpers/test-app.js';
import type { TestClient } from '../helpers/test-client.js';

const ENV = {
  SEMANTIC_EVENTS_KEYS: 'main:main-secret-main-secret-main-secret!',
  JWT_SECRET: 'jwt-secret-jwt-secret-jwt-secret-jwt!',
};

const start = (env: Record<string, string> = {}) =>
  TestApp.start({ gateways: [], module: AppModule.with(readConfig({ ...ENV, ...env })) });

const logIn = (app: TestApp, user: string, password = 'demo') =>
  post(app, '/auth/login', { body: { user, password } });

const tokenOf = async (app: TestApp, user: string) =>
  (await logIn(app, user)).body.access_token as string;

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function enter(app: TestApp, credential: string): Promise<TestClient> {
  const client = await app.connect();
  expect((await client.authenticate(credential)).type).toBe('auth_success');
  return client;
}

describe('without TLS, if it is required,', () => {
  const REFUSED = {
    status: 426,
    body: { code: 'TLS_REQUIRED', message: 'A TLS connection is required' },
  };
  const TLS = { 'x-forwarded-proto': 'https' };

  it.each(['/auth/login', '/auth/ticket', '/auth/logout'])('%s is rejected', async path => {
    const app = await start({ REQUIRE_TLS: 'true' });
    const body = { user: 'alice', password: 'demo' };
    const answer = await post(app, path, { body, headers: TLS });
    expect(answer).toMatchObject(REFUSED);
    expect(answer.headers.get('upgrade')).toBe('TLS/1.2, HTTP/1.1');
  });

  it('requests are accepted from a trusted proxy that reports TLS', async () => {
    const app = await start({ REQUIRE_TLS: 'true', TRUST_PROXY: '127.0.0.1' });
    const body = { user: 'alice', password: 'demo' };
    expect((await post(app, '/auth/login', { body, headers: TLS })).status).toBe(200);
    const plain = { 'x-forwarded-proto': 'http' };
    expect(await post(app, '/auth/login', { body, headers: plain })).toMatchObject(REFUSED);
  });

  it('requests are accepted if REQUIRE_TLS is false', async () => {
    expect((await logIn(await start({ REQUIRE_TLS: 'false' }), 'alice')).status).toBe(200);
  });
});

describe('log-in', () => {
  it('is rate limited, with Retry-After', async () => {
    const app = await start();
    for (let attempt = 0; attempt < 10; attempt++)
      expect((await logIn(app, 'alice', 'wrong')).status).toBe(401);
    const { status, headers, body } = await logIn(app, 'alice');
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toMatch(/^(?:1[0-2]|[1-9])$/);
    expect(body).toEqual({ code: 'RATE_LIMITED', message: expect.any(String) });
  });

  it('is not rate limited with the correct password', async () => {
    const app = await start();
    for (let attempt = 0; attempt < 20; attempt++)
      expect((await logIn(app, 'alice')).status).toBe(200);
  });

  it('is limited by AUTH_RATE and AUTH_BURST', async () => {
    const app = await start({ AUTH_RATE: '1', AUTH_BURST: '2' });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++)
      statuses.push((await logIn(app, 'alice', 'wrong')).status);
    expect(statuses).toEqual([401, 401, 429]);
    expect((await logIn(app, 'alice')).headers.get('retry-after')).toMatch(/^(60|[345]\d)$/);
  });

  it('is limited per user, whatever the addresses', async () => {
    const app = await start({ TRUST_PROXY: 'true', AUTH_BURST: '3' });
    const from = (address: string, user: string, password: string) =>
      post(app, '/auth/login', {
        headers: { 'x-forwarded-for': address },
        body: { user, password },
      });
    for (const host of [1, 2, 3])
      expect((await from(`192.0.2.${host}`, 'alice', 'wrong')).status).toBe(401);
    expect((await from('192.0.2.9', 'alice', 'demo')).status).toBe(429);
    expect((await from('192.0.2.9', 'bob', 'demo')).status).toBe(200);
  });
});

describe('POST /auth/ticket', () => {
  it('issues a ticket for a logged-in user that opens one socket', async () => {
    const app = await start();
    const { status, body } = await post(app, '/auth/ticket', bearer(await tokenOf(app, 'alice')));
    expect([200, 201]).toContain(status);
    expect(body).toEqual({ ticket: expect.any(String), expires_in: 30 });
    const client = await enter(app, body.ticket as string);
    client.emit('demo.admin', 1);
    expect((await client.next()).event.type).toBe('demo.admin.reply');
    const second = await app.connect();
    expect((await second.authenticate(body.ticket as string)).code).toBe('AUTH_FAILED');
  });

  it('rejects requests without a token, and a ticket in its place', async () => {
    const app = await start();
    expect((await post(app, '/auth/ticket')).status).toBe(401);
    expect((await post(app, '/auth/ticket', bearer('x'))).status).toBe(401);
    const { body } = await post(app, '/auth/ticket', bearer(await tokenOf(app, 'alice')));
    expect((await post(app, '/auth/ticket', bearer(body.ticket as string))).status).toBe(401);
  });
});

describe('demo.admin', () => {
  it('answers admins with the same data, and rejects others', async () => {
    const app = await start();
    const alice = await enter(app, await tokenOf(app, 'alice'));
    const bob = await enter(app, await tokenOf(app, 'bob'));
    alice.emit('demo.admin', { any: 'thing' });
    expect((await alice.next()).event).toMatchObject({
      type: 'demo.admin.reply',
      source: 'urn:semantic-events:quickstart',
      data: { any: 'thing' },
    });
    const { id } = bob.emit('demo.admin', 1);
    expect(await bob.next()).toMatchObject({ code: 'FORBIDDEN', status: 403, id });
  });

  it('accepts signed events only', async () => {
    const app = await start();
    const alice = await enter(app, await tokenOf(app, 'alice'));
    alice.emitUnsigned('demo.admin', {
      time: new Date().toISOString(),
      semanticnonce: 'n'.repeat(16),
    });
    expect((await alice.next()).code).toBe('INVALID_SIGNATURE');
  });
});

describe('POST /auth/logout', () => {
  it('closes the sockets of that log-in, and revokes its token and tickets', async () => {
    const app = await start();
    const [token, other] = [await tokenOf(app, 'alice'), await tokenOf(app, 'alice')];
    const ticket = (await post(app, '/auth/ticket', bearer(token))).body.ticket as string;
    const [gone, stays] = [await enter(app, token), await enter(app, other)];

    expect((await post(app, '/auth/logout', bearer(token))).status).toBe(204);
    expect(await gone.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    expect((await post(app, '/auth/logout', bearer(token))).status).toBe(401);
    expect((await post(app, '/auth/ticket', bearer(token))).status).toBe(401);
    for (const credential of [token, ticket])
      expect((await (await app.connect()).authenticate(credential)).code).toBe('AUTH_FAILED');
    stays.emit('demo.echo', 'here');
    expect((await stays.next()).event.data).toBe('here');
  });

  it('requires a token', async () => {
    expect((await post(await start(), '/auth/logout')).status).toBe(401);
  });
});

describe('POST /semantic-events/users/log-out', () => {
  it('makes every token of a user invalid for sockets and requests, connected or not', async () => {
    const app = await start();
    const [admin, token, unused] = [
      await tokenOf(app, 'alice'),
      await tokenOf(app, 'bob'),
      await tokenOf(app, 'bob'),
    ];
    const gone = await enter(app, token);
    const logOut = { ...bearer(admin), body: { user: 'bob' } };
    const { body } = await post(app, '/semantic-events/users/log-out', logOut);
    expect(body).toEqual({ closed: 1 });
    expect(await gone.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    for (const credential of [token, unused]) {
      expect((await post(app, '/auth/ticket', bearer(credential))).status).toBe(401);
      expect((await (await app.connect()).authenticate(credential)).code).toBe('AUTH_FAILED');
    }
    expect((await post(app, '/auth/ticket', bearer(admin))).status).toBe(201);
  });
});
