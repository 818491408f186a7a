import { AppModule } from '../../sample/01-quickstart/app.module.js';
import { readConfig } from '../../sample/01-quickstart/config.js';
import { TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const OLD = 'old-secret-old-secret-old-secret-old!';
const NEW = 'new-secret-new-secret-new-secret-new!';
const ENV = {
  SEMANTIC_EVENTS_KEYS: `new:${NEW},old:${OLD}`,
  JWT_SECRET: 'jwt-secret-jwt-secret-jwt-secret-jwt!',
};

const start = (env: Record<string, string> = {}) =>
  TestApp.start({ gateways: [], module: AppModule.with(readConfig({ ...ENV, ...env })) });

const post = async (app: TestApp, body: string) => {
  const response = await fetch(`http://127.0.0.1:${app.port}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, body: (await response.json()) as Json };
};

async function enter(app: TestApp, user = 'alice'): Promise<TestClient> {
  const { body } = await post(app, JSON.stringify({ user, password: 'demo' }));
  const client = await app.connect();
  expect(await client.authenticate(body.access_token as string)).toMatchObject({
    type: 'auth_success',
    user_id: user,
  });
  return client;
}

describe('the quickstart over HTTP', () => {
  it('says that it is healthy', async () => {
    const { port } = await start();
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  it.each(['alice', 'bob'])('lets %s log in', async user => {
    const { status, body } = await post(await start(), JSON.stringify({ user, password: 'demo' }));
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: expect.any(String), expires_in: 3600 });
    const [, claims] = (body.access_token as string).split('.');
    const { sub, roles } = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as Json;
    expect([sub, roles]).toEqual([user, user === 'alice' ? ['admin'] : []]);
  });

  it.each([
    ['a wrong password', { user: 'alice', password: 'Demo' }],
    ['an unknown user', { user: 'mallory', password: 'demo' }],
    ['a name of an object member', { user: 'constructor', password: 'demo' }],
    ['a user that is no string', { user: ['alice'], password: 'demo' }],
    ['nothing', {}],
    ['a list', ['alice', 'demo']],
  ])('refuses %s with 401', async (_, body) => {
    expect((await post(await start(), JSON.stringify(body))).status).toBe(401);
  });

  it('refuses what is not JSON with 400', async () => {
    expect((await post(await start(), '{"user":')).status).toBe(400);
  });
});

describe('the quickstart over WebSocket', () => {
  it.each([
    ['demo.echo', { any: ['thing', 1.5, null] }],
    ['demo.limited', 'x'],
    ['demo.validated', { name: 'a', amount: 0.01 }],
  ])('answers %s with the same data, signed', async (type, data) => {
    const client = await enter(await start());
    const { id } = client.emit(type, data);
    const { event } = await client.next();
    expect(event).toMatchObject({ type: `${type}.reply`, data, semanticcorrelationid: id });
    expect(client.verifies(event)).toBe(true);
  });

  it("answers plain in Nest's own form", async () => {
    const client = await enter(await start(), 'bob');
    client.sendJson({ event: 'plain', data: [1] });
    expect(await client.next()).toEqual({ event: 'plain', data: [1] });
  });

  it.each(['demo.echo', 'demo.limited', 'demo.validated'])('takes %s signed only', async type => {
    const client = await enter(await start());
    const event = { ...client.event(type, {}), semanticsignature: undefined };
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('INVALID_SIGNATURE');
  });

  it('takes ten of demo.limited at once, then says when to come back', async () => {
    const client = await enter(await start());
    for (let count = 0; count < 60; count++) client.emit('demo.limited', count);
    const answers = await client.take(60);
    const refused = answers.filter(({ code }) => code === 'RATE_LIMITED');
    expect(answers.filter(({ type }) => type === 'event').length).toBeGreaterThanOrEqual(10);
    expect(refused.length).toBeGreaterThanOrEqual(1);
    for (const { retry_after } of refused) expect(retry_after).toBeLessThanOrEqual(0.2);
  });

  it.each([
    [{ name: '', amount: 1 }],
    [{ name: 'x'.repeat(51), amount: 1 }],
    [{ name: 'a', amount: 0 }],
    [{ name: 'a', amount: '1' }],
    [null],
  ])('refuses demo.validated of %j', async data => {
    const client = await enter(await start());
    client.emit('demo.validated', data);
    expect((await client.next()).code).toBe('INVALID_EVENT');
  });

  it('verifies with every key of SEMANTIC_EVENTS_KEYS', async () => {
    const client = await enter(await start());
    for (const [key_id, secret] of Object.entries({ new: NEW, old: OLD })) {
      const key = Buffer.from(secret).toString('base64url');
      const event = client.sign(client.event('demo.echo', key_id), { key_id, key });
      client.sendJson({ type: 'event', event });
      expect((await client.next()).event.data).toBe(key_id);
    }
  });

  it('is bounded as the environment says', async () => {
    const app = await start({ MESSAGE_RATE: '0.001', MESSAGE_BURST: '2' });
    const client = await enter(app);
    for (let count = 0; count < 2; count++) client.sendJson({ type: 'ping' });
    expect((await client.take(2)).map(({ type, code }) => code ?? type)).toEqual([
      'pong',
      'RATE_LIMITED',
    ]);
    const hasty = await (await start({ AUTH_TIMEOUT_MS: '100' })).connect();
    expect((await hasty.closed).code).toBe(4408);
  });
});
