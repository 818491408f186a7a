import { randomUUID } from 'node:crypto';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const start = (options = {}) => TestApp.start({ gateways: [DemoGateway], options });

describe('a signed event', () => {
  it('is handled, and answered with a signed event that has its id', async () => {
    const client = await (await start()).login();
    const data = { text: 'grüß dich', list: [1, 2.5, { deep: null }] };
    const sent = client.emit('demo.echo', data);
    const { type, event } = await client.next();
    expect(type).toBe('event');
    expect(event).toMatchObject({ type: 'demo.echo.reply', data, semanticcorrelationid: sent.id });
    expect(client.verifies(event)).toBe(true);
  });

  it('may be signed with a ring key by a trusted producer', async () => {
    const client = await (await start()).login();
    const ring = { key_id: RING_KEY.id, key: Buffer.from(RING_KEY.secret).toString('base64url') };
    client.sendJson({ type: 'event', event: client.sign(client.event('demo.echo', 1), ring) });
    expect((await client.next()).event.type).toBe('demo.echo.reply');
    client.sendJson({ type: 'event', event: client.sign(client.event('demo.session', 1), ring) });
    expect((await client.next()).code).toBe('INVALID_SIGNATURE');
  });

  it('is answered once if 100 copies are sent at once', async () => {
    const app = await start();
    const client = await app.login();
    const event = client.event('demo.echo', 'once');
    for (let copy = 0; copy < 100; copy++) client.sendJson({ type: 'event', event });
    const answers = await client.take(100);
    expect(await client.settled()).toEqual([]);
    expect(answers.filter(answer => answer.type === 'event')).toHaveLength(1);
    expect(answers.filter(answer => answer.code === 'REPLAY_DETECTED')).toHaveLength(99);
    expect(app.nest.get(DemoGateway).calls).toEqual(['once']);
  });

  it('is rejected on another connection of the same user', async () => {
    const app = await start();
    const [one, other] = [await app.login(), await app.login()];
    other.sendJson({ type: 'event', event: one.event('demo.echo') });
    expect((await other.next()).code).toBe('INVALID_SIGNATURE');
  });

  it("is rejected in Nest's frame under another handler", async () => {
    const client = await (await start()).login();
    const event = client.event('demo.echo', 'x');
    client.sendJson({ event: 'demo.session', data: event });
    expect(await client.next()).toMatchObject({
      event: 'exception',
      data: { code: 'INVALID_SIGNATURE', id: event.id },
    });
  });

  it("in Nest's frame is answered with a signed event in Nest's frame", async () => {
    const client = await (await start()).login();
    client.sendJson({ event: 'demo.echo', data: client.event('demo.echo', 'x') });
    const { event, data } = await client.next();
    expect(event).toBe('demo.echo.reply');
    expect(data.data).toBe('x');
    expect(client.verifies(data)).toBe(true);
  });
});

describe('bad input', () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const cases: [string, string, (client: TestClient) => Json][] = [
    ['tampered', 'INVALID_SIGNATURE', c => ({ ...c.event('demo.echo', 1), data: 2 })],
    [
      'unsigned',
      'INVALID_SIGNATURE',
      c => ({ ...c.event('demo.echo'), semanticsignature: undefined }),
    ],
    ['expired', 'EVENT_EXPIRED', c => c.event('demo.echo', 1, { time: minutesAgo(6) })],
    ['from the future', 'EVENT_EXPIRED', c => c.event('demo.echo', 1, { time: minutesAgo(-2) })],
    ['without nonce', 'INVALID_EVENT', c => c.event('demo.echo', 1, { semanticnonce: undefined })],
    ['without time', 'INVALID_EVENT', c => c.event('demo.echo', 1, { time: undefined })],
    ['with invalid data', 'INVALID_EVENT', c => c.event('demo.validated', { name: '', amount: 1 })],
    ['with an invalid type', 'INVALID_EVENT', c => c.event('demo.echo', 1, { subject: 7 })],
    ['unknown', 'UNKNOWN_EVENT', c => c.event('demo.missing', 1)],
    ['named like an object member', 'UNKNOWN_EVENT', c => c.event('constructor', 1)],
  ];

  it.each(cases)(
    '%s is rejected with %s and its id, and the socket stays open',
    async (_, code, make) => {
      const app = await start();
      const client = await app.login();
      const event = make(client);
      client.sendJson({ type: 'event', event });
      expect(await client.next()).toEqual({
        type: 'error',
        code,
        status: expect.any(Number),
        message: expect.any(String),
        id: event.id,
      });
      expect(app.nest.get(DemoGateway).calls).toEqual([]);
      client.emit('demo.echo', 'still here');
      expect((await client.next()).event.data).toBe('still here');
    },
  );

  it.each([
    '',
    'nonsense',
    '[]',
    'null',
    '"text"',
    '{}',
    '{"type":"event"}',
    '{"type":"unknown"}',
    '{"event":1}',
    '{"type":"auth","token":7}',
    '['.repeat(20_000),
  ])('a malformed frame is answered with BAD_FRAME: %.20s', async text => {
    const client = await (await start()).login();
    client.socket.send(text);
    expect(await client.next()).toMatchObject({ type: 'error', code: 'BAD_FRAME', status: 400 });
    client.sendJson({ type: 'ping' });
    expect((await client.next()).type).toBe('pong');
  });

  it('a frame that is too large is answered and closes with 1009', async () => {
    const client = await (await start()).login();
    client.socket.send('x'.repeat(70_000));
    expect(await client.next()).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 413 });
    expect(await client.closed).toEqual({ code: 1009, reason: 'MESSAGE_TOO_LARGE' });
  });

  it('a binary frame is answered and closes with 1003', async () => {
    const client = await (await start()).login();
    client.socket.send(Buffer.from('{"type":"ping"}'));
    expect((await client.next()).code).toBe('UNSUPPORTED_FRAME');
    expect((await client.closed).code).toBe(1003);
  });

  it('a rate-limited event does not consume its nonce, whatever the order of decorators', async () => {
    const clock = new FakeClock(Date.now());
    const client = await (await TestApp.start({ gateways: [DemoGateway], clock })).login();
    const events = [1, 2, 3, 4].map(number => client.event('demo.limited', number));
    for (const event of events) client.sendJson({ type: 'event', event });
    const answers = await client.take(4);
    const [refused, ...others] = answers.filter(answer => answer.type === 'error') as [Json];
    expect(others).toEqual([]);
    expect(refused.code).toBe('RATE_LIMITED');
    expect(refused).toMatchObject({ status: 429, id: events[3]!.id });
    expect(refused.retry_after).toBeGreaterThan(0);
    expect(refused.retry_after).toBeLessThanOrEqual(2);
    clock.advance(refused.retry_after * 1000);
    client.sendJson({ type: 'event', event: events[3] });
    expect((await client.next()).event.data).toBe(4);
  });

  it('frames beyond the burst of a connection are rejected before they are parsed', async () => {
    const app = await start({ connection: { messageRate: 0.1, messageBurst: 5 } });
    const client = await app.login();
    for (let frame = 0; frame < 6; frame++) client.socket.send('unparsable');
    const codes: unknown[] = [];
    for (let frame = 0; frame < 6; frame++) codes.push((await client.next()).code);
    expect(codes).toEqual([...Array<string>(4).fill('BAD_FRAME'), 'RATE_LIMITED', 'RATE_LIMITED']);
  });
});

describe('the return value of a handler', () => {
  it('is sent as <type>.reply if it is a plain value', async () => {
    const client = await (await start()).login('bob');
    client.emit('demo.unsigned');
    expect((await client.next()).event).toMatchObject({
      type: 'demo.unsigned.reply',
      data: { type: 'demo.unsigned', user: 'bob' },
    });
  });

  it('is awaited if it is a promise', async () => {
    const client = await (await start()).login();
    client.emit('demo.promise');
    expect((await client.next()).event.data).toEqual({ later: true });
  });

  it('is one reply per value if it is an Observable', async () => {
    const client = await (await start()).login();
    const { id } = client.emit('demo.stream', [1, 2, 3]);
    for (const item of [1, 2, 3]) {
      const { event } = await client.next();
      expect(event).toMatchObject({ type: 'demo.item', data: item, semanticcorrelationid: id });
      expect(client.verifies(event)).toBe(true);
    }
  });

  it('is not sent if it is undefined', async () => {
    const app = await start();
    const client = await app.login();
    client.emit('demo.nothing');
    client.sendJson({ type: 'ping' });
    expect((await client.next()).type).toBe('pong');
    expect(await client.settled()).toEqual([]);
    expect(app.nest.get(DemoGateway).calls).toEqual(['nothing']);
  });

  it.each([
    ['demo.throws', 'INTERNAL'],
    ['demo.failing-stream', 'INTERNAL'],
    ['demo.unencodable', 'INTERNAL'],
    ['demo.refuses', 'FORBIDDEN'],
  ])('of %s is one error frame without detail, and the socket stays open', async (type, code) => {
    const client = await (await start()).login();
    const { id } = client.emit(type, { canary: 'peer-data' });
    const answer = await client.next();
    expect(answer).toMatchObject({ type: 'error', code, id });
    expect(JSON.stringify(answer)).not.toMatch(/secret|canary|stack/);
    expect(await client.settled()).toEqual([]);
    client.emit('demo.echo', 'still here');
    expect((await client.next()).event.data).toBe('still here');
  });
});

describe("Nest's own frames", () => {
  it('are answered in their own format', async () => {
    const client = await (await start()).login();
    client.sendJson({ event: 'plain', data: { a: 1 } });
    expect(await client.next()).toEqual({ event: 'plain', data: { a: 1 } });
  });

  it('are rejected in their own format, with a code and no echo', async () => {
    const client = await (await start()).login();
    client.sendJson({ event: 'plain.throws', data: 'canary' });
    const answer = await client.next();
    expect(answer).toMatchObject({ event: 'exception', data: { code: 'INTERNAL' } });
    expect(JSON.stringify(answer)).not.toMatch(/canary|secret/);
    client.sendJson({ event: 'no.such', data: 1 });
    expect(await client.next()).toMatchObject({
      event: 'exception',
      data: { code: 'UNKNOWN_EVENT' },
    });
  });
});

describe('authentication', () => {
  const auth = (user: string, claims: Json) => ({ type: 'auth', token: tokenFor(user, claims) });

  it('creates a session key that is valid on its connection only', async () => {
    const app = await start();
    const client = await app.connect();
    const answer = await client.authenticate(tokenFor('alice'));
    expect(answer).toMatchObject({ type: 'auth_success', user_id: 'alice' });
    expect(answer.signing.key_id).toMatch(/^s-[A-Za-z0-9_-]{1,62}$/);
    expect(Buffer.from(answer.signing.key, 'base64url')).toHaveLength(32);
    expect(Date.parse(answer.expires_at)).toBeGreaterThan(Date.now());
  });

  it.each([
    ['a bad token', { type: 'auth', token: 'x' }, 'AUTH_FAILED', 4401],
    ['a token without expiry', auth('alice', { exp: undefined }), 'AUTH_FAILED', 4401],
    ['a token without subject', auth('', { sub: undefined }), 'AUTH_FAILED', 4401],
    ['an event first', { type: 'event', event: {} }, 'UNAUTHENTICATED', 4401],
    ["Nest's frame first", { event: 'plain', data: 1 }, undefined, 4401],
    ['a subscription first', { type: 'subscribe', patterns: ['a'] }, 'UNAUTHENTICATED', 4401],
  ])('with %s closes with 4401', async (_, frame, code, close) => {
    const app = await start();
    const client = await app.connect();
    client.sendJson(frame);
    const answer = await client.next();
    expect(answer.code).toBe(code);
    expect((await client.closed).code).toBe(close);
    expect(app.nest.get(DemoGateway).calls).toEqual([]);
  });

  it('has a deadline that pings do not extend', async () => {
    const app = await start({ auth: { validateToken: () => null, timeout: 2_000 } });
    const client = await app.connect();
    client.sendJson({ type: 'ping' });
    expect((await client.next()).type).toBe('pong');
    expect(await client.next()).toMatchObject({ code: 'AUTH_TIMEOUT', status: 408 });
    expect((await client.closed).code).toBe(4408);
  });

  it('is not required for public handlers', async () => {
    const client = await (await start()).connect();
    client.sendJson({
      type: 'event',
      event: { specversion: '1.0', type: 'demo.public', source: 's', id: randomUUID() },
    });
    expect((await client.next()).event).toMatchObject({ type: 'demo.public.reply', data: 'open' });
  });
});

describe('subprotocols', () => {
  it.each([
    ['semantic-events.v1', 'semantic-events.v1'],
    ['cloudevents.json', 'cloudevents.json'],
  ])('%s is selected', async (protocol, selected) => {
    const client = await (await start()).connect('/events', { protocol });
    expect(client.socket.protocol).toBe(selected);
  });

  it('cloudevents.json accepts and sends bare events only', async () => {
    const client = await (
      await start()
    ).login('alice', '/events', { protocol: 'cloudevents.json' });
    client.sendJson(client.event('demo.echo', 'bare'));
    const reply = await client.next();
    expect(reply).toMatchObject({ specversion: '1.0', type: 'demo.echo.reply', data: 'bare' });
    expect(client.verifies(reply)).toBe(true);
    client.emit('demo.echo');
    expect((await client.next()).code).toBe('BAD_FRAME');
    client.sendJson({ event: 'plain', data: 1 });
    expect((await client.next()).code).toBe('BAD_FRAME');
  });
});

describe('shutdown', () => {
  it('closes every client with 1001', async () => {
    const app = await start();
    const client = await app.login();
    await app.nest.close();
    expect(await client.closed).toEqual({ code: 1001, reason: 'SERVER_SHUTDOWN' });
  });
});
