import { jest } from '@jest/globals';
import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { LogOutTable } from '../../lib/auth/log-out-table.js';
import { SemanticEventsConfigError, SemanticEventsModule } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { post } from '../helpers/http.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { eventually } from '../helpers/eventually.js';
import { captureLog } from '../helpers/log-capture.js';
import {
  JWT_SECRET,
  RING_KEY,
  TestApp,
  type TestAppOptions,
  tokenFor,
} from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const LIST = '/semantic-events/connections';
const DISCONNECT = `${LIST}/disconnect`;
const LOG_OUT = '/semantic-events/users/log-out';
const ADMIN = { 'x-role': 'admin' };
const PLATFORMS = [
  ['Express', undefined],
  ['Fastify', () => new FastifyAdapter()],
] as const;

/** Accepts requests that name the role of an administrator. */
@Injectable()
class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Json }>();
    if (headers['x-role'] === undefined) throw new UnauthorizedException();
    return headers['x-role'] === 'admin';
  }
}

const options = { devtools: { guard: AdminGuard } };
const start = (setup: Partial<TestAppOptions> = {}) =>
  TestApp.start({ gateways: [DemoGateway], options, ...setup });

async function get(app: TestApp, query = '', headers: Record<string, string> = ADMIN) {
  const response = await fetch(`http://127.0.0.1:${app.port}${LIST}${query}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const listOf = async (app: TestApp, query = '') =>
  JSON.parse((await get(app, query)).text) as { connections: Json[]; next?: string };

const command = (app: TestApp, path: string, body: unknown) =>
  post(app, path, { headers: ADMIN, body });

describe('the routes for administrators', () => {
  it('are not mounted unless the option asks for them', async () => {
    const app = await start({ options: {} });
    expect((await get(app)).status).toBe(404);
    expect((await command(app, DISCONNECT, { client: 'x' })).status).toBe(404);
    expect((await command(app, LOG_OUT, { user: 'x' })).status).toBe(404);
  });

  it.each([
    [{}, 'devtools.guard must be a guard'],
    [{ guard: true }, 'devtools.guard must be a guard'],
    [null, 'devtools must be an object'],
    [{ guard: AdminGuard, path: '' }, 'devtools.path must be a non-empty string'],
    [{ guard: AdminGuard, open: true }, 'devtools.open is not an option'],
  ])('refuse to start with %j', (devtools, problem) => {
    const base = { signing: { keys: [RING_KEY] }, auth: { jwt: { secret: JWT_SECRET } } };
    const wrong = devtools as unknown as { guard: typeof AdminGuard };
    expect(() => SemanticEventsModule.forRoot({ ...base, devtools: wrong })).toThrow(problem);
    expect(() =>
      SemanticEventsModule.forRootAsync({ devtools: wrong, useFactory: () => base }),
    ).toThrow(problem);
  });

  it('refuse to start where a factory asks for them too late', async () => {
    const useFactory = () => ({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      ...options,
    });
    const module = SemanticEventsModule.forRootAsync({ useFactory });
    await expect(start({ module })).rejects.toThrow(SemanticEventsConfigError);
  });

  describe.each(PLATFORMS)('on %s', (_, http) => {
    it.each([
      ['GET', LIST],
      ['POST', DISCONNECT],
      ['POST', LOG_OUT],
    ])('answer %s %s only to requests that the guard accepts', async (method, path) => {
      const app = await start({ http: http?.() });
      const client = await app.login('alice');
      const statusFor = async (headers: Record<string, string>) => {
        const body = method === 'GET' ? undefined : JSON.stringify({ user: 'alice', client: 'x' });
        const type = { 'content-type': 'application/json' };
        const url = `http://127.0.0.1:${app.port}${path}`;
        return (await fetch(url, { method, headers: { ...type, ...headers }, body })).status;
      };
      expect(await statusFor({})).toBe(401);
      expect(await statusFor({ 'x-role': 'member' })).toBe(403);
      client.emit('demo.echo', 'still here');
      expect((await client.next()).event.data).toBe('still here');
    });

    it('list connections with nothing that is secret', async () => {
      const app = await start({ http: http?.() });
      const token = tokenFor('alice', { sid: 'session-canary', roles: ['role-canary'] });
      const client = await app.connect('/events?query=query-canary', {
        headers: { cookie: 'cookie-canary', authorization: 'authorization-canary' },
      });
      const { signing } = await client.authenticate(token);
      await app.connect();
      const { headers, text } = await get(app);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      const { connections, next } = JSON.parse(text) as { connections: Json[]; next?: string };
      expect(next).toBeUndefined();
      expect(connections).toHaveLength(2);
      expect(connections.find(({ user }) => user === 'alice')).toEqual({
        id: expect.any(String),
        user: 'alice',
        address: '127.0.0.1',
        connectedAt: expect.any(Number),
        lastActivityAt: expect.any(Number),
        expiresAt: expect.any(Number),
        counters: { received: 1, sent: 1, refused: 0 },
      });
      expect(text).not.toContain('canary');
      expect(text).not.toContain(token);
      expect(text).not.toContain((signing as Json).key);
    });

    it('disconnect one connection, and no other of its user', async () => {
      const app = await start({ http: http?.() });
      const [first, second] = [await app.login('alice'), await app.login('alice')];
      const [{ id }] = (await listOf(app, '?user=alice')).connections as [Json];
      const closed = Promise.race([
        first.closed.then(({ code }) => ({ code, other: second })),
        second.closed.then(({ code }) => ({ code, other: first })),
      ]);
      expect(await command(app, DISCONNECT, { client: id })).toMatchObject({
        status: 200,
        body: { closed: 1 },
      });
      const { code, other } = await closed;
      expect(code).toBe(4403);
      other.emit('demo.echo', 'still here');
      expect((await other.next()).event.data).toBe('still here');
      expect((await command(app, DISCONNECT, { client: id })).body).toEqual({ closed: 0 });
    });

    it('write no character of an id to the log that could forge or hide a part of it', async () => {
      const app = await start({ http: http?.() });
      const log = captureLog();
      for (const id of ['a\u009b2Jb', 'a\u202eb', 'a\u2028b']) {
        await command(app, DISCONNECT, { client: id });
        await command(app, LOG_OUT, { user: id });
      }
      expect(log.map(({ text }) => text).join('')).toMatch(/"a\\u\{9b\}2Jb".*"a\\u\{202e\}b"/);
      expect(log.map(({ text }) => text).join('')).not.toMatch(/[\u009b\u202e\u2028]/);
    });

    it.each(['', 'a'.repeat(257), '\ud800', null, {}, [], true])(
      'answer 400 to %j, which no user or connection can have as its id',
      async id => {
        const app = await start({ http: http?.() });
        expect((await command(app, LOG_OUT, { user: id })).status).toBe(400);
        expect((await command(app, DISCONNECT, { client: id })).status).toBe(400);
      },
    );

    it('log a user out, whose earlier tokens are rejected, and leave other users alone', async () => {
      const app = await start({ http: http?.() });
      const token = tokenFor('alice', { sid: 'one' });
      const alice = await app.connect();
      await alice.authenticate(token);
      const again = await app.login('alice');
      const bob = await app.login('bob');
      // Created first: on a slow machine a token of the seconds after the log-out is accepted.
      const neverUsed = tokenFor('alice', { sid: 'never used' });
      expect((await command(app, LOG_OUT, { user: 'alice' })).body).toEqual({ closed: 2 });
      await Promise.all([alice.closed, again.closed]);
      const answerTo = async (given: string) =>
        (await (await app.connect()).authenticate(given)).type;
      expect(await answerTo(token)).toBe('error');
      expect(await answerTo(neverUsed)).toBe('error');
      const iat = Math.floor(Date.now() / 1000) + 2;
      expect(await answerTo(tokenFor('alice', { iat }))).toBe('auth_success');
      bob.emit('demo.echo', 'still here');
      expect((await bob.next()).event.data).toBe('still here');
    });

    it('log out a user who is not connected', async () => {
      const app = await start({ http: http?.() });
      const stolen = tokenFor('7', { sid: 'one' });
      expect((await command(app, LOG_OUT, { user: 7 })).body).toEqual({ closed: 0 });
      const thief = await app.connect();
      expect((await thief.authenticate(stolen)).code).toBe('AUTH_FAILED');
    });

    it('answer 503 if no more log-outs can be stored, and close the connections anyway', async () => {
      const app = await start({ http: http?.() });
      const alice = await app.login('alice');
      jest.spyOn(LogOutTable.prototype, 'add').mockReturnValueOnce(false);
      expect((await command(app, LOG_OUT, { user: 'alice' })).status).toBe(503);
      expect((await alice.closed).code).toBe(4403);
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
      'answer 415 to %s, which a page of another site can send',
      async type => {
        const app = await start({ http: http?.() });
        const client = await app.login('alice');
        for (const path of [DISCONNECT, LOG_OUT]) {
          const { status } = await fetch(`http://127.0.0.1:${app.port}${path}`, {
            method: 'POST',
            headers: { ...ADMIN, 'content-type': type },
            body: '{"user":"alice"}',
          });
          expect(status).toBe(415);
        }
        client.emit('demo.echo', 'still here');
        expect((await client.next()).event.data).toBe('still here');
      },
    );

    it.each([
      ['missing', {}],
      ['empty', { user: '', client: '' }],
      ['null', { user: null, client: null }],
      ['a list', { user: ['alice'], client: ['x'] }],
      ['too long', { user: 'x'.repeat(1_025), client: 'x'.repeat(1_025) }],
      ['in a list', [{ user: 'alice', client: 'x' }]],
    ])('answer 400 to an id that is %s', async (_case, body) => {
      const app = await start({ http: http?.() });
      expect((await command(app, LOG_OUT, body)).status).toBe(400);
      expect((await command(app, DISCONNECT, body)).status).toBe(400);
    });
  });

  it('answer with at most 100 connections, and go on behind the last one', async () => {
    const connection = { maxConnectionsPerAddress: 200 };
    const app = await start({ options: { ...options, connection } });
    await Promise.all(Array.from({ length: 99 }, () => app.connect()));
    await eventually(async () => (await listOf(app)).connections.length === 99);
    await app.login('alice');
    await app.login('bob');
    const first = await listOf(app);
    expect(first.connections).toHaveLength(100);
    const second = await listOf(app, `?after=${first.next}`);
    expect(second).toEqual({ connections: [expect.anything()] });
    const ids = [...first.connections, ...second.connections].map(({ id }) => id as string);
    expect(new Set(ids).size).toBe(101);
    expect((await listOf(app, '?user=alice')).connections).toMatchObject([{ user: 'alice' }]);
    expect((await get(app, '?user=alice&user=bob')).status).toBe(400);
  });

  it('show addresses in the form of the log', async () => {
    const app = await start({ options: { ...options, monitoring: { address: 'none' } } });
    await app.login('alice');
    expect((await listOf(app)).connections[0]).not.toHaveProperty('address');
  });

  it('limit how often a guard may be guessed at', async () => {
    const app = await start({ clock: new FakeClock(Date.now()) });
    const statuses = [];
    for (let count = 0; count < 12; count++)
      statuses.push((await get(app, '', { 'x-role': 'member' })).status);
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(403));
    expect(statuses.at(-1)).toBe(429);
  });

  it('accept requests over TLS only where connections must be', async () => {
    const app = await start({ options: { ...options, connection: { requireTls: true } } });
    expect((await get(app)).status).toBe(426);
  });

  it('have the path of the option, and are mounted by forRootAsync, too', async () => {
    const module = SemanticEventsModule.forRootAsync({
      devtools: { guard: AdminGuard, path: 'admin/live' },
      useFactory: () => ({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
      }),
    });
    const app = await start({ module });
    const client = await app.login('alice');
    const path = '/admin/live/users/log-out';
    expect((await command(app, path, { user: 'alice' })).body.closed).toBe(1);
    await client.closed;
  });
});
