import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Module,
  Scope,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SemanticEventsConfigError, SemanticEventsModule, TicketService } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { HeaderGuard, post } from '../helpers/http.js';
import { JWT_SECRET, RING_KEY, TestApp, type TestAppOptions } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const ORIGIN = 'https://app.example';
const auth = { jwt: { secret: JWT_SECRET }, ticketRoute: { guard: HeaderGuard } };
const connection = { origins: [ORIGIN, 'https://other.example'] };

const start = (setup: Partial<TestAppOptions> = {}) =>
  TestApp.start({ gateways: [DemoGateway], options: { auth, connection }, ...setup });

const payloadOf = (ticket: string) =>
  JSON.parse(Buffer.from(ticket.split('.')[2]!, 'base64url').toString()) as Json;

describe('a ticket', () => {
  it.each([
    ['Express', undefined],
    ['Fastify', () => new FastifyAdapter()],
  ])('is not issued without TLS if TLS is required, by %s', async (_, http) => {
    const options = { auth, connection: { requireTls: true } };
    const app = await start({ options, http: http?.() });
    const answer = await post(app, '/auth/ticket', { headers: { 'x-user': 'alice' } });
    expect(answer).toMatchObject({ status: 426, body: { code: 'TLS_REQUIRED' } });
    expect(answer.headers.get('upgrade')).toBe('TLS/1.2, HTTP/1.1');
  });

  it('of the route opens one socket, and has its lifetime in seconds', async () => {
    const app = await start();
    const { status, headers, body } = await post(app, '/auth/ticket', {
      headers: { 'x-user': 'alice', origin: ORIGIN },
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({ ticket: expect.stringMatching(/^ticket\./), expires_in: 30 });

    const client = await app.connect('/events', { origin: ORIGIN });
    expect(await client.authenticate(body.ticket as string)).toMatchObject({
      type: 'auth_success',
      user_id: 'alice',
    });
    client.emit('demo.echo', 1);
    expect((await client.next()).event.data).toBe(1);

    const second = await app.connect('/events', { origin: ORIGIN });
    expect((await second.authenticate(body.ticket as string)).code).toBe('AUTH_FAILED');
    expect((await second.closed).code).toBe(4401);
  });

  it('contains only public members of the user', async () => {
    const { body } = await post(await start(), '/auth/ticket', { headers: { 'x-user': '7' } });
    const { user, jti } = payloadOf(body.ticket as string);
    expect(user).toEqual({ id: 7, roles: ['member'], sessionId: 's-of-7' });
    expect(Buffer.from(jti as string, 'base64url').length).toBeGreaterThanOrEqual(16);
  });

  it('keeps the type of a numeric id', async () => {
    const app = await start();
    const { ticket } = app.nest.get(TicketService).issue({ id: 7 });
    const client = await app.connect();
    expect(await client.authenticate(ticket)).toMatchObject({ user_id: '7' });
  });

  it('is not issued if the guard sets no user', async () => {
    expect((await post(await start(), '/auth/ticket')).status).toBe(403);
  });

  it('may be issued if validateToken checks tokens', async () => {
    const seen: string[] = [];
    const app = await start({
      options: {
        auth: {
          validateToken: token => {
            seen.push(token);
            return null;
          },
        },
      },
    });
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' });
    const client = await app.connect();
    expect((await client.authenticate(ticket)).type).toBe('auth_success');
    expect(seen).toEqual([]);
  });

  it('renews a session like a token', async () => {
    const app = await start();
    const client = await app.login('alice');
    const tickets = app.nest.get(TicketService);
    const { key } = client.signing!;
    const answer = await client.authenticate(tickets.issue({ id: 'alice' }).ticket);
    expect(answer).toMatchObject({ type: 'auth_success', signing: { key } });
  });

  it('is rejected after its lifetime', async () => {
    const clock = new FakeClock(Date.now());
    const app = await start({ clock });
    const tickets = app.nest.get(TicketService);
    const [good, late] = [tickets.issue({ id: 'a' }), tickets.issue({ id: 'a' })];
    clock.advance(good.expiresIn - 1);
    expect((await (await app.connect()).authenticate(good.ticket)).type).toBe('auth_success');
    clock.advance(1);
    expect((await (await app.connect()).authenticate(late.ticket)).code).toBe('AUTH_FAILED');
  });
});

describe('the ticket route', () => {
  it.each(['express', 'fastify'])(
    'issues each user as many tickets at once as it may have connections, on %s',
    async http => {
      const options = { auth, connection: { ...connection, maxConnectionsPerUser: 10 } };
      const app = await start({
        options,
        http: http === 'fastify' ? new FastifyAdapter() : undefined,
      });
      const ask = (user: string) =>
        post(app, '/auth/ticket', { headers: { 'x-user': user, connection: 'close' } });
      const answers: number[] = [];
      for (let request = 0; request < 10; request++) answers.push((await ask('alice')).status);
      expect(answers).toEqual(Array(10).fill(201));

      const refused = await ask('alice');
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(6);
      expect((await ask('bob')).status).toBe(201);
    },
  );

  it.each(['express', 'fastify'])('binds to origin and address on %s', async http => {
    const app = await start({ http: http === 'fastify' ? new FastifyAdapter() : undefined });
    const { body } = await post(app, '/auth/ticket', {
      headers: { 'x-user': 'alice', origin: ORIGIN },
    });
    expect(payloadOf(body.ticket as string)).toMatchObject({
      origin: ORIGIN,
      address: '127.0.0.1',
    });
  });

  it('uses the configured path, binding and user', async () => {
    const app = await start({
      options: {
        auth: {
          jwt: { secret: JWT_SECRET },
          ticketRoute: {
            guard: HeaderGuard,
            path: 'tickets/new',
            bind: false,
            toUser: () => ({ id: 'guest' }),
          },
        },
      },
    });
    expect((await post(app, '/auth/ticket')).status).toBe(404);
    const { body } = await post(app, '/tickets/new', { headers: { 'x-user': 'alice' } });
    expect(payloadOf(body.ticket as string)).toMatchObject({ user: { id: 'guest' } });
    expect(payloadOf(body.ticket as string)).not.toHaveProperty('address');
  });

  it('is mounted by forRootAsync, too', async () => {
    const app = await start({
      module: SemanticEventsModule.forRootAsync({
        ticketRoute: { guard: HeaderGuard },
        useFactory: () => ({
          signing: { keys: [RING_KEY] },
          auth: { jwt: { secret: JWT_SECRET } },
        }),
      }),
    });
    const { body } = await post(app, '/auth/ticket', { headers: { 'x-user': 'alice' } });
    expect((await (await app.connect()).authenticate(body.ticket as string)).user_id).toBe('alice');
  });

  it('causes a configuration error if a factory requests it too late', async () => {
    const module = SemanticEventsModule.forRootAsync({
      useFactory: () => ({ signing: { keys: [RING_KEY] }, auth }),
    });
    await expect(start({ module })).rejects.toThrow(SemanticEventsConfigError);
  });

  it('without a guard causes a configuration error', () => {
    expect(() =>
      SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET }, ticketRoute: {} as never },
      }),
    ).toThrow('auth.ticketRoute.guard must be a guard');
  });

  it('finds its guard in the module that provides it', async () => {
    const app = await start({
      options: { auth: { ...auth, ticketRoute: { guard: GuardWithNeeds } } },
      imports: [{ module: UsersModule, providers: [Users, GuardWithNeeds] }],
    });
    expect((await post(app, '/auth/ticket')).status).toBe(201);
  });

  it.each(['express', 'fastify'])('supports a request-scoped guard, on %s', async http => {
    const app = await start({
      options: { auth: { ...auth, ticketRoute: { guard: RequestScopedGuard } } },
      providers: [RequestScopedGuard],
      http: http === 'fastify' ? new FastifyAdapter() : undefined,
    });
    for (const user of ['alice', 'bob']) {
      const { body } = await post(app, '/auth/ticket', { headers: { 'x-user': user } });
      expect(payloadOf(body.ticket as string)).toMatchObject({ user: { id: user } });
    }
  });
});

@Injectable()
class Users {
  readonly one = { id: 'from-users' };
}

@Module({})
class UsersModule {}

@Injectable()
class GuardWithNeeds implements CanActivate {
  constructor(private readonly users: Users) {}

  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest<{ user: unknown }>().user = this.users.one;
    return true;
  }
}

@Injectable({ scope: Scope.REQUEST })
class RequestScopedGuard implements CanActivate {
  constructor(
    @Inject(REQUEST) private readonly request: { headers: Record<string, string>; user?: unknown },
  ) {}

  canActivate(): boolean {
    this.request.user = { id: this.request.headers['x-user'] };
    return true;
  }
}
