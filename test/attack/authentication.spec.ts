import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { ServiceUnavailableException, UnauthorizedException } from '@nestjs/common';
import {
  ConnectionManager,
  type Handshake,
  RefusalError,
  RefusalException,
  type SemanticEventsOptions,
  TicketService,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import {
  JWT_SECRET,
  RING_KEY,
  TestApp,
  type TestAppOptions,
  tokenFor,
} from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

type Auth = SemanticEventsOptions['auth'];

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC_PEM = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const IN_AN_HOUR = Math.floor(Date.now() / 1000) + 3_600;

const start = (auth: Auth = { jwt: { secret: JWT_SECRET } }, setup: Partial<TestAppOptions> = {}) =>
  TestApp.start({ gateways: [DemoGateway], options: { auth }, ...setup });

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Creates a token as an attacker would. */
function forge(header: object, claims: object, key: string | undefined): string {
  const input = `${base64url(header)}.${base64url({ sub: 'alice', exp: IN_AN_HOUR, ...claims })}`;
  const mac = key === undefined ? '' : createHmac('sha256', key).update(input).digest('base64url');
  return `${input}.${mac}`;
}

/** Expects that an invalid credential is answered and closes the connection. */
async function expectRefused(app: TestApp, token: string, options = {}): Promise<void> {
  const client = await app.connect('/events', options);
  client.sendJson({ type: 'auth', token });
  expect(await client.next()).toMatchObject({ type: 'error', code: 'AUTH_FAILED', status: 401 });
  expect(await client.closed).toEqual({ code: 4401, reason: 'AUTH_FAILED' });
}

/** Sends the credentials of all clients at the same moment. */
async function authenticateAtOnce(clients: TestClient[], token: string): Promise<Json[]> {
  for (const client of clients) client.sendJson({ type: 'auth', token });
  return Promise.all(clients.map(client => client.next()));
}

describe('a forged, stale or foreign token is rejected', () => {
  const now = Math.floor(Date.now() / 1000);
  const jwt = { secret: JWT_SECRET, audience: 'app', issuer: 'issuer' };
  const mine = { aud: 'app', iss: 'issuer' };
  const HS = { alg: 'HS256', typ: 'JWT' };

  it.each<[string, string]>([
    ['with alg none and no signature', forge({ alg: 'none' }, mine, undefined)],
    ['with alg none and a signature', forge({ alg: 'none' }, mine, JWT_SECRET)],
    ['with alg nOnE', forge({ alg: 'nOnE' }, mine, undefined)],
    ['without alg', forge({ typ: 'JWT' }, mine, JWT_SECRET)],
    ['of another secret', forge(HS, mine, 'x'.repeat(40))],
    ['of the signing ring', forge(HS, mine, RING_KEY.secret)],
    ['of another audience', forge(HS, { ...mine, aud: 'other' }, JWT_SECRET)],
    ['of another issuer', forge(HS, { ...mine, iss: 'other' }, JWT_SECRET)],
    ['of another application', forge(HS, { aud: 'other', iss: 'other' }, JWT_SECRET)],
    ['that has expired', forge(HS, { ...mine, exp: now - 1 }, JWT_SECRET)],
    ['that is not valid yet', forge(HS, { ...mine, nbf: now + 3_600 }, JWT_SECRET)],
    ['without sub', forge(HS, { ...mine, sub: undefined }, JWT_SECRET)],
    ['of a sub that is an object', forge(HS, { ...mine, sub: { id: 'alice' } }, JWT_SECRET)],
    ['without exp', forge(HS, { ...mine, exp: undefined }, JWT_SECRET)],
    ['with a critical extension', forge({ ...HS, crit: ['exp'] }, mine, JWT_SECRET)],
    ['cut short', forge(HS, mine, JWT_SECRET).slice(0, -1)],
    ['that is empty', ''],
  ])('%s', async (_, token) => {
    await expectRefused(await start({ jwt }), token);
  });

  it('of an invalid size', async () => {
    const app = await start(
      { jwt },
      {
        options: { auth: { jwt }, connection: { maxUnauthenticatedMessageSize: 65_536 } },
      },
    );
    await expectRefused(app, forge(HS, { ...mine, pad: 'x'.repeat(30_000) }, JWT_SECRET));
  });

  it('signed by HS256 with the RS256 public key as its secret', async () => {
    const token = forge({ ...HS, kid: 'k' }, {}, PUBLIC_PEM);
    await expectRefused(
      await start({ jwt: { publicKey: PUBLIC_PEM, algorithms: ['RS256'] } }),
      token,
    );
    await expectRefused(
      await start({ jwt: { keyProvider: () => PUBLIC_PEM, algorithms: ['RS256', 'HS256'] } }),
      token,
    );
  });
});

describe('a validator without a valid user rejects', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['a text', 'alice'],
    ['an empty object', {}],
    ['an empty id', { id: '' }],
    ['an id that is an object', { id: {} }],
    ['an id that is NaN', { id: NaN }],
    ['a session that is over', { id: 'alice', expiresAt: Date.now() - 1 }],
    ['a session that ends never', { id: 'alice', expiresAt: NaN }],
  ])('%s, synchronously and asynchronously', async (_, user) => {
    await expectRefused(await start({ validateToken: () => user as never }), 't');
    await expectRefused(await start({ validateToken: () => Promise.resolve(user as never) }), 't');
  });

  it.each([
    ['an UnauthorizedException', () => new UnauthorizedException('secret detail')],
    ['a RefusalError', () => new RefusalError('AUTH_FAILED')],
    ['a RefusalException', () => new RefusalException('FORBIDDEN')],
    ['what jsonwebtoken throws', () => Object.assign(new Error(), { name: 'TokenExpiredError' })],
    ['what jose throws', () => Object.assign(new Error(), { code: 'ERR_JWT_EXPIRED' })],
  ])('by %s, thrown or rejected', async (_, make) => {
    const validateToken = () => {
      throw make();
    };
    await expectRefused(await start({ validateToken }), 't');
    await expectRefused(await start({ validateToken: () => Promise.reject(make()) }), 't');
  });
});

describe('a validator that fails is not a verdict on the token', () => {
  const failures: [string, () => never | Promise<never>][] = [
    [
      'throws',
      () => {
        throw new Error('secret detail');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret detail'))],
    [
      'cannot reach a key set',
      () => Promise.reject(Object.assign(new Error(), { code: 'ERR_JWKS_TIMEOUT' })),
    ],
    ['fails on its own server', () => Promise.reject(new ServiceUnavailableException())],
    ['never answers', () => new Promise<never>(() => undefined)],
  ];

  it.each(failures)('that %s causes UNAVAILABLE, without the reason', async (_, validateToken) => {
    const app = await start({ validateToken, timeout: 1_000 });
    const client = await app.connect();
    client.sendJson({ type: 'auth', token: 't' });
    const answer = await client.next();
    expect(answer).toMatchObject({ type: 'error', code: 'UNAVAILABLE', status: 503 });
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('is not counted as a guess, however often', async () => {
    let isAway = true;
    const app = await start({
      validateToken: () => {
        if (isAway) throw new Error('away');
        return { id: 'alice' };
      },
      attempts: { rate: 1, per: 3_600_000, burst: 2 },
    });
    for (let count = 0; count < 10; count++)
      expect((await (await app.connect()).authenticate('t')).code).toBe('UNAVAILABLE');
    isAway = false;
    expect((await (await app.connect()).authenticate('t')).type).toBe('auth_success');
  });
});

describe('frames that race an asynchronous validator never reach a handler', () => {
  const user = { id: 'alice' };

  it.each(['sent before the token', 'sent after the token, before the answer'])(
    '%s',
    async when => {
      let answer: (found: typeof user) => void = () => undefined;
      const app = await start({ validateToken: () => new Promise(resolve => (answer = resolve)) });
      const client = await app.connect();
      if (when === 'sent before the token') client.emitUnsigned('demo.unsigned');
      client.sendJson({ type: 'auth', token: 't' });
      for (let frame = 0; frame < 10; frame++) {
        client.emitUnsigned('demo.unsigned');
        client.sendJson({ event: 'demo.nothing', data: frame });
      }
      expect(await client.next()).toMatchObject({ code: 'UNAUTHENTICATED' });
      answer(user);
      expect((await client.closed).code).toBe(4401);
      await client.settled();
      expect(app.nest.get(DemoGateway).calls).toEqual([]);
      expect(client.received.filter(({ type }) => type === 'auth_success')).toEqual([]);
    },
  );

  it('and a validator that never answers is closed at the deadline', async () => {
    const app = await start({ validateToken: () => new Promise(() => undefined), timeout: 2_000 });
    const client = await app.connect();
    client.sendJson({ type: 'auth', token: 't' });
    client.sendJson({ type: 'ping' });
    expect((await client.next()).type).toBe('pong');
    expect(await client.next()).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    expect(await client.closed).toEqual({ code: 1013, reason: 'UNAVAILABLE' });
    expect(app.nest.get(DemoGateway).calls).toEqual([]);
  });

  it('and a second token during validation is rejected', async () => {
    const app = await start({ validateToken: () => new Promise(() => undefined) });
    const client = await app.connect();
    client.sendJson({ type: 'auth', token: 'one' });
    client.sendJson({ type: 'auth', token: 'two' });
    expect((await client.next()).code).toBe('AUTH_FAILED');
    expect((await client.closed).code).toBe(4401);
  });
});

describe('a ticket is valid for one connection', () => {
  it('if 50 sockets redeem it at once: exactly one is authenticated', async () => {
    const app = await start({ jwt: { secret: JWT_SECRET }, attempts: { burst: 100 } });
    const clients = await Promise.all(Array.from({ length: 50 }, () => app.connect()));
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    const answers = await authenticateAtOnce(clients, ticket);
    expect(answers.filter(({ type }) => type === 'auth_success')).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'AUTH_FAILED')).toHaveLength(49);
  });

  it('and the losers of that race use up the attempts of their address', async () => {
    const app = await start();
    const clients = await Promise.all(Array.from({ length: 50 }, () => app.connect()));
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    const answers = await authenticateAtOnce(clients, ticket);
    expect(answers.filter(({ type }) => type === 'auth_success')).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'AUTH_FAILED')).toHaveLength(10);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(39);
  });

  it('and not after that connection has closed', async () => {
    const app = await start();
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    const client = await app.connect();
    expect((await client.authenticate(ticket)).type).toBe('auth_success');
    client.terminate();
    await client.closed;
    await expectRefused(app, ticket);
  });

  it('and not after its expiry', async () => {
    const clock = new FakeClock(Date.now());
    const app = await start(undefined, { clock });
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    clock.advance(30_000);
    await expectRefused(app, ticket);
  });

  it.each<[string, Pick<Handshake, 'origin'>, { origin?: string; address?: string }]>([
    ['another origin', { origin: 'https://evil.example' }, { origin: 'https://app.example' }],
    ['no origin', {}, { origin: 'https://app.example' }],
    ['another address', {}, { address: '192.0.2.7' }],
  ])('and not from %s if it is bound, which does not consume it', async (_, connect, binding) => {
    const app = await start(undefined, {
      options: {
        auth: { jwt: { secret: JWT_SECRET } },
        connection: { origins: ['https://app.example', 'https://evil.example'] },
      },
    });
    const tickets = app.nest.get(TicketService);
    const { ticket } = tickets.issue({ id: 'alice' }, binding);
    await expectRefused(app, ticket, connect);
    expect(await tickets.revoke(ticket)).toBe(true);
  });

  it('and not after it was revoked', async () => {
    const app = await start();
    const tickets = app.nest.get(TicketService);
    const { ticket } = tickets.issue({ id: 'alice' });
    expect(await tickets.revoke(ticket)).toBe(true);
    await expectRefused(app, ticket);
  });

  it('and is not accepted as a token, nor a token as a ticket', async () => {
    const app = await start({ jwt: { secret: RING_KEY.secret } });
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    const bare = ticket.slice('ticket.'.length);
    await expectRefused(app, bare);
    const token = forge({ alg: 'HS256', kid: RING_KEY.id }, {}, RING_KEY.secret);
    await expectRefused(app, `ticket.${token}`);
    expect((await (await app.connect()).authenticate(token)).type).toBe('auth_success');
    expect((await (await app.connect()).authenticate(ticket)).type).toBe('auth_success');
  });
});

describe('guessing is limited per address', () => {
  it.each([
    ['tickets', () => `ticket.${randomUUID()}`],
    ['tokens', () => randomUUID()],
  ])('%s: ten at once, then RATE_LIMITED, but a valid one is still accepted', async (_, guess) => {
    const app = await start();
    for (let attempt = 0; attempt < 10; attempt++) await expectRefused(app, guess());
    const client = await app.connect();
    const answer = await client.authenticate(guess());
    expect(answer).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
    expect(answer.retry_after).toBeGreaterThan(0);
    expect(answer.retry_after).toBeLessThanOrEqual(12);
    expect(await client.closed).toMatchObject({ code: 4429 });
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    for (const credential of [tokenFor('alice'), ticket])
      expect((await (await app.connect()).authenticate(credential)).type).toBe('auth_success');
  });

  it('for validateToken: ten at once, then even a valid token is rejected', async () => {
    const auth = { validateToken: (pin: string) => (pin === '4711' ? { id: 'alice' } : null) };
    const app = await start(auth);
    for (let pin = 0; pin < 10; pin++) await expectRefused(app, `${pin}`);
    const client = await app.connect();
    expect((await client.authenticate('4711')).code).toBe('RATE_LIMITED');
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    expect((await (await app.connect()).authenticate(ticket)).type).toBe('auth_success');
  });

  it('and a renewal is not rejected for the guesses of others', async () => {
    const auth = { validateToken: (token: string) => (token === 'right' ? { id: 'alice' } : null) };
    const app = await start(auth);
    const client = await app.connect();
    await client.authenticate('right');
    for (let attempt = 0; attempt < 10; attempt++) await expectRefused(app, `${attempt}`);
    expect((await client.authenticate('right')).type).toBe('auth_success');
  });

  it('and valid credentials are not limited', async () => {
    const app = await start();
    for (let login = 0; login < 30; login++) await app.login('alice');
  });
});

describe('a session', () => {
  it('whose token expires while connected is closed', async () => {
    const clock = new FakeClock(Date.now());
    const app = await start(undefined, { clock });
    const client = await app.connect();
    const exp = Math.floor(clock.now() / 1000) + 60;
    await client.authenticate(tokenFor('alice', { exp }));
    clock.advance(61_000);
    const answers = await client.take(1);
    expect(answers.at(-1)).toMatchObject({ code: 'SESSION_EXPIRED' });
    expect((await client.closed).code).toBe(4401);
  });

  it("cannot be renewed by another user's token or ticket", async () => {
    const app = await start();
    const tickets = app.nest.get(TicketService);
    for (const credential of [tokenFor('bob'), tickets.issue({ id: 'bob' }).ticket]) {
      const client = await app.login('alice');
      expect((await client.authenticate(credential)).code).toBe('AUTH_FAILED');
      expect((await client.closed).code).toBe(4401);
    }
  });

  it('of a user who is disconnected ends on every socket', async () => {
    const app = await start();
    const clients = await Promise.all([app.login('alice'), app.login('alice')]);
    expect(app.nest.get(ConnectionManager).disconnectUser('alice')).toBe(2);
    for (const client of clients)
      expect(await client.closed).toEqual({ code: 4403, reason: 'REVOKED' });
  });
});

describe('no client publishes as the server or as another user', () => {
  const cases: [string, Json][] = [
    ['a system type', { type: 'system.user.disconnected' }],
    ['the type system', { type: 'system' }],
    ['the source of the server', { source: 'nestjs-semantic-events' }],
    ['another user', { source: 'user:bob' }],
    ['another user, in capitals', { source: 'URN:USER:bob' }],
    ['another user, encoded', { source: '%2Fusers%2F%62ob' }],
    ['another user, by dot segments', { source: '/users/alice/../bob' }],
  ];

  it.each(cases)('%s is FORBIDDEN, and reaches no handler', async (_, members) => {
    const app = await TestApp.start({ gateways: [DemoGateway] });
    const client = await app.login('alice');
    const event = client.event('demo.unsigned', 1, members);
    // In Nest's frame, any event can be sent to any handler.
    client.sendJson({ event: 'demo.unsigned', data: event });
    expect(await client.next()).toMatchObject({
      event: 'exception',
      data: { code: 'FORBIDDEN', status: 403, id: event.id },
    });
    if (members.source !== undefined) {
      client.sendJson({ type: 'event', event });
      expect(await client.next()).toMatchObject({ code: 'FORBIDDEN', id: event.id });
    }
    expect(app.nest.get(DemoGateway).calls).toEqual([]);
  });

  it.each([
    ['unsigned', 'INVALID_EVENT'],
    ['signed', 'INVALID_SIGNATURE'],
  ])('an %s event is not handled under the name of another type', async (kind, code) => {
    const app = await TestApp.start({ gateways: [DemoGateway] });
    const client = await app.login('alice');
    const event = client.event('demo.harmless', 1);
    if (kind === 'unsigned') delete event.semanticsignature;
    client.sendJson({ event: 'demo.unsigned', data: event });
    expect((await client.next()).data).toMatchObject({ code, id: event.id });
    expect(app.nest.get(DemoGateway).calls).toEqual([]);
  });

  it('a user may publish as itself', async () => {
    const app = await start();
    const client = await app.login('alice');
    client.emit('demo.unsigned', 1, { source: '/users/alice' });
    expect((await client.next()).event.data).toMatchObject({ user: 'alice' });
  });

  it('a forbidden event does not consume its nonce', async () => {
    const app = await start();
    const client = await app.login('alice');
    const event = client.event('demo.echo', 1, { source: 'user:bob' });
    for (let copy = 0; copy < 2; copy++) {
      client.sendJson({ type: 'event', event });
      expect((await client.next()).code).toBe('FORBIDDEN');
    }
  });

  it('an unauthenticated client may not use the source of a user at a public handler', async () => {
    const client = await (await start()).connect();
    client.emitUnsigned('demo.public', { source: 'user:bob' });
    expect((await client.next()).code).toBe('FORBIDDEN');
    client.emitUnsigned('demo.public');
    expect((await client.next()).event.data).toBe('open');
  });
});

describe('a user id that no store can distinguish from another', () => {
  it.each(['\ud800', 'a\udfffb', ''])('(%j) is rejected', async id => {
    const app = await start({ validateToken: () => ({ id }) });
    await expectRefused(app, 'any');
  });
});
