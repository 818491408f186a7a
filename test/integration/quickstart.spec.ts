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
  it('reports that it is healthy', async () => {
    const { port } = await start();
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  it.each(['alice', 'bob'])('lets %s log in', async user => {
    const { status, body } = await post(await start(), JSON.stringify({ user, password: 'demo' }));
    expect(status).toBe(200);
    const expected = user === 'alice' ? ['admin'] : [];
    expect(body).toEqual({
      access_token: expect.any(String),
      expires_in: 3600,
      roles: expected,
    });
    const [, claims] = (body.access_token as string).split('.');
    const { sub, roles } = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as Json;
    expect([sub, roles]).toEqual([user, expected]);
  });

  it.each([
    ['a wrong password', { user: 'alice', password: 'Demo' }],
    ['an unknown user', { user: 'mallory', password: 'demo' }],
    ['a name of an object member', { user: 'constructor', password: 'demo' }],
    ['a user that is not a string', { user: ['alice'], password: 'demo' }],
    ['nothing', {}],
    ['a list', ['alice', 'demo']],
  ])('rejects %s with 401', async (_, body) => {
    expect((await post(await start(), JSON.stringify(body))).status).toBe(401);
  });

  it('rejects invalid JSON with 400', async () => {
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

  it("answers plain in Nest's own format", async () => {
    const client = await enter(await start(), 'bob');
    client.sendJson({ event: 'plain', data: [1] });
    expect(await client.next()).toEqual({ event: 'plain', data: [1] });
  });

  it.each(['demo.echo', 'demo.limited', 'demo.validated'])('accepts %s signed only', async type => {
    const client = await enter(await start());
    const event = { ...client.event(type, {}), semanticsignature: undefined };
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('INVALID_SIGNATURE');
  });

  it('allows ten of demo.limited at once, then rejects with the retry delay', async () => {
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
  ])('rejects demo.validated of %j', async data => {
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

  it('applies the limits of the environment', async () => {
    const app = await start({ MESSAGE_RATE: '0.001', MESSAGE_BURST: '2' });
    const client = await enter(app);
    for (let count = 0; count < 3; count++) client.sendJson({ type: 'ping' });
    expect((await client.take(3)).map(({ type, code }) => code ?? type)).toEqual([
      'pong',
      'pong',
      'RATE_LIMITED',
    ]);
    const hasty = await (await start({ AUTH_TIMEOUT_MS: '100' })).connect();
    expect((await hasty.closed).code).toBe(4408);
  });
});

describe('the chat of the quickstart', () => {
  const until = async (client: TestClient, type: string): Promise<Json> => {
    for (;;) {
      const { event } = await client.next();
      if ((event as Json | undefined)?.type === type) return event as Json;
    }
  };

  it('shows which users are present, and when users enter and leave', async () => {
    const app = await start();
    const alice = await enter(app);
    alice.sendJson({ type: 'subscribe', patterns: ['presence.*'], scope: 'own' });
    const bob = await enter(app, 'bob');
    expect((await until(alice, 'presence.joined')).data).toEqual({
      room: 'chat.lobby',
      user: 'bob',
    });
    alice.emit('chat.who', {});
    expect((await until(alice, 'chat.who.reply')).data).toEqual([
      { user: 'alice', connections: 1 },
      { user: 'bob', connections: 1 },
    ]);
    bob.terminate();
    expect((await until(alice, 'presence.left')).data).toMatchObject({ user: 'bob' });
  });

  it('sends a message to bob that only bob receives', async () => {
    const app = await start();
    const [alice, bob] = [await enter(app), await enter(app, 'bob')];
    for (const client of [alice, bob]) {
      client.sendJson({ type: 'subscribe', patterns: ['chat.*'] });
      expect((await client.next()).type).toBe('subscribed');
    }
    alice.emit('chat.whisper', { to: 'bob', text: 'hello' });
    expect(await until(bob, 'chat.whisper')).toMatchObject({
      subject: 'alice',
      data: { text: 'hello' },
      semanticaudience: 'user',
    });
    alice.sendJson({ type: 'ping' });
    for (;;) {
      const { type, event } = await alice.next();
      if (type === 'pong') break;
      expect((event as Json | undefined)?.type).not.toBe('chat.whisper');
    }
  });
});
