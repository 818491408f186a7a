import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Authorize,
  ConnectionManager,
  RateLimit,
  Roles,
  SecureGateway,
  type SecurityEvent,
  SecurityEvents,
  SignedEvent,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { JWT_SECRET, TestApp, tokenFor } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';

const connection = { trustProxy: 'loopback' };
const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
const jwt = { secret: JWT_SECRET };

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class RoomGateway {
  @SubscribeMessage('room.join')
  @SignedEvent()
  @RateLimit({
    rate: 1,
    per: 600_000,
    by: (_, context) =>
      String(context.switchToWs().getData<{ data?: { room?: string } }>().data?.room),
  })
  join() {
    return 'joined';
  }

  @SubscribeMessage('hello')
  @SignedEvent()
  @RateLimit({ rate: 10 })
  hello() {
    return 'hello';
  }
}

describe('the keys of rate limits', () => {
  const MAX_KEYS = 90;

  async function fill(app: TestApp) {
    const mallory = await app.login('mallory', '/events', from('198.51.100.9'));
    const codes: unknown[] = [];
    for (let room = 0; room < MAX_KEYS; room++) {
      mallory.emit('room.join', { room: `room-${room}` });
      codes.push((await mallory.next()).code);
    }
    return { mallory, joined: codes.filter(code => code === undefined).length, codes };
  }

  it('that a user can make up are limited to a ninth of the table; others join, connect and log in', async () => {
    const app = await TestApp.start({
      gateways: [RoomGateway],
      options: { rateLimit: { maxKeys: MAX_KEYS }, connection },
    });
    const victim = await app.login('victim', '/events', from('203.0.113.1'));
    const { joined, codes } = await fill(app);
    expect(joined).toBe(MAX_KEYS / 9);
    expect(codes.at(-1)).toBe('RATE_LIMITED');

    victim.emit('room.join', { room: 'mine' });
    expect((await victim.next()).event.data).toBe('joined');
    victim.emit('hello');
    expect((await victim.next()).event.data).toBe('hello');
    await app.login('newcomer', '/events', from('203.0.113.2'));
  });

  it('in use by others stay in use: a used-up share rejects new keys only', async () => {
    const app = await TestApp.start({
      gateways: [RoomGateway],
      options: { rateLimit: { maxKeys: MAX_KEYS }, connection },
    });
    const { mallory } = await fill(app);
    const victim = await app.login('victim', '/events', from('203.0.113.1'));
    // Mallory's own room is known: its bucket decides, which is empty.
    for (const client of [mallory, victim]) {
      client.emit('room.join', { room: 'room-0' });
      expect(await client.next()).toMatchObject({ code: 'RATE_LIMITED' });
    }
  });
});

describe('one IPv6 site', () => {
  const households = (count: number) =>
    Array.from({ length: count }, (_, n) => `2001:db8:77:1${n.toString(16).padStart(2, '0')}::1`);

  it('has four times the connections of an address, however many /64 networks it uses', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { connection: { ...connection, maxConnectionsPerAddress: 2 } },
    });
    for (const address of households(8)) await app.connect('/events', from(address));
    const url = `ws://127.0.0.1:${app.port}/events`;
    const ninth = await TestClient.refusal(url, from('2001:db8:77:1ff::1'));
    expect(ninth.body.code).toBe('TOO_MANY_CONNECTIONS');
    await app.connect('/events', from('2001:db8:77:200::1'));
    await app.connect('/events', from('198.51.100.7'));
  });

  it('has four times the guesses of an address', async () => {
    const attempts = { rate: 1, per: 60_000, burst: 2 };
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { connection, auth: { jwt, attempts } },
    });
    const codes: unknown[] = [];
    for (const address of households(10)) {
      const client = await app.connect('/events', from(address));
      codes.push((await client.authenticate('guess')).code);
    }
    expect(codes.filter(code => code === 'AUTH_FAILED')).toHaveLength(8);
    expect(codes.at(-1)).toBe('RATE_LIMITED');
    const stranger = await app.connect('/events', from('198.51.100.7'));
    expect((await stranger.authenticate('guess')).code).toBe('AUTH_FAILED');
  });
});

describe('the ticket route', () => {
  let guardCalls = 0;

  @Injectable()
  class PinGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      guardCalls++;
      const request = context
        .switchToHttp()
        .getRequest<{ headers: Record<string, string>; user?: object }>();
      if (request.headers['x-pin'] === 'outage') throw new Error('database is away');
      if (request.headers['x-pin'] !== '4711') throw new UnauthorizedException();
      request.user = { id: 'alice' };
      return true;
    }
  }

  const attempts = { rate: 1, per: 60_000, burst: 1 };
  const start = async () => {
    guardCalls = 0;
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { connection, auth: { jwt, attempts, ticketRoute: { guard: PinGuard } } },
    });
    const events: SecurityEvent['kind'][] = [];
    app.nest.get(SecurityEvents).subscribe(({ kind }) => events.push(kind));
    const ask = async (pin: string, address = '198.51.100.9') => {
      const answer = await fetch(`http://127.0.0.1:${app.port}/auth/ticket`, {
        method: 'POST',
        headers: { 'x-pin': pin, 'x-forwarded-for': address },
      });
      const body = (await answer.json()) as { code?: string; message?: string };
      return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body };
    };
    return { app, ask, events };
  };

  it('limits guesses at its guard per address, counts them, and reports them as security events', async () => {
    const { ask, events } = await start();
    for (let pin = 0; pin < 10; pin++) expect((await ask(`${pin}`)).status).toBe(401);
    const refused = await ask('4711');
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    expect(guardCalls).toBe(10);
    expect(events).toEqual([...Array<string>(10).fill('attemptFailed'), 'attemptsExhausted']);
    expect((await ask('4711', '203.0.113.1')).status).toBe(201);
  });

  it('does not count successes or failures of the guard itself', async () => {
    const { ask, events } = await start();
    for (let request = 0; request < 15; request++) {
      expect((await ask('outage')).status).toBe(500);
      expect((await ask('4711')).status).toBe(201);
    }
    expect(events).toEqual([]);
  });

  it('does not affect log-ins from its address', async () => {
    const { app, ask } = await start();
    for (let pin = 0; pin < 12; pin++) await ask(`${pin}`);
    await app.login('alice', '/events', from('198.51.100.9'));
  });
});

describe('disconnecting a user', () => {
  const slowly = () => {
    const waiting: ((user: { id: string } | null) => void)[] = [];
    const validateToken = () =>
      new Promise<{ id: string } | null>(resolve => {
        waiting.push(resolve);
      });
    return { waiting, auth: { validateToken } };
  };

  it('reaches connections that are authenticating, and none that begin later', async () => {
    const { waiting, auth } = slowly();
    const app = await TestApp.start({ gateways: [DemoGateway], options: { auth } });
    const [mallory, bob] = [await app.connect(), await app.connect()];
    for (const client of [mallory, bob]) client.sendJson({ type: 'auth', token: 'any' });
    await eventually(() => waiting.length === 2);
    expect(app.nest.get(ConnectionManager).disconnectUser('mallory')).toBe(0);
    waiting[0]!({ id: 'mallory' });
    waiting[1]!({ id: 'bob' });
    expect(await mallory.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    expect((await bob.next()).type).toBe('auth_success');

    const later = await app.connect();
    later.sendJson({ type: 'auth', token: 'any' });
    await eventually(() => waiting.length === 3);
    waiting[2]!({ id: 'mallory' });
    expect((await later.next()).type).toBe('auth_success');
  });

  it.each(['*', '.', '**', 'a.b', 'a/b', 'user:a', ':', ' ', '__proto__', '%2e', 'a\u0000b'])(
    'whose id is %j affects no other user',
    async id => {
      const auth = { validateToken: (token: string) => ({ id: token }) };
      const app = await TestApp.start({ gateways: [DemoGateway], options: { auth } });
      const odd = await app.connect();
      const others = [await app.connect(), await app.connect(), await app.connect()];
      expect((await odd.authenticate(id)).type).toBe('auth_success');
      for (const [index, name] of ['a', 'alice', `${id}x`].entries())
        expect((await others[index]!.authenticate(name)).type).toBe('auth_success');
      expect(app.nest.get(ConnectionManager).disconnectUser(id)).toBe(1);
      expect((await odd.closed).reason).toBe('REVOKED');
      for (const other of others) {
        other.sendJson({ type: 'ping' });
        expect((await other.next()).type).toBe('pong');
      }
    },
  );
});

describe('renewals of one connection', () => {
  it('are validated one at a time', async () => {
    const waiting: ((user: { id: string }) => void)[] = [];
    const validateToken = (token: string) =>
      token === 'first'
        ? { id: 'alice' }
        : new Promise<{ id: string }>(resolve => {
            waiting.push(resolve);
          });
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { auth: { validateToken } },
    });
    const client = await app.connect();
    await client.authenticate('first');
    for (let renewal = 0; renewal < 20; renewal++) client.sendJson({ type: 'auth', token: 'slow' });
    const answers = await client.take(19);
    expect(new Set(answers.map(({ code }) => code as string))).toEqual(new Set(['RATE_LIMITED']));
    expect(waiting).toHaveLength(1);
    waiting[0]!({ id: 'alice' });
    expect((await client.next()).type).toBe('auth_success');
  });

  it('are limited, including successful ones', async () => {
    const app = await TestApp.start({ gateways: [DemoGateway] });
    const client = await app.login('alice');
    const codes: unknown[] = [];
    for (let renewal = 0; renewal < 40; renewal++)
      codes.push((await client.authenticate(tokenFor('alice'))).code ?? 'renewed');
    expect(codes.slice(0, 32)).toEqual(Array(32).fill('renewed'));
    expect(codes.at(-1)).toBe('RATE_LIMITED');
  });
});

describe('a renewal', () => {
  it('costs one unit for each pattern and room that is authorized again', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { connection: { messageRate: 1, messageBurst: 100 }, mesh: { allow: ['**'] } },
    });
    const client = await app.login('alice');
    const patterns = Array.from({ length: 30 }, (_, n) => `chat.${n}`);
    client.sendJson({ type: 'subscribe', patterns });
    expect((await client.next()).type).toBe('subscribed');
    // 31 units for the subscription, 35 for each renewal.
    expect((await client.authenticate(tokenFor('alice'))).type).toBe('auth_success');
    expect((await client.authenticate(tokenFor('alice'))).code).toBe('RATE_LIMITED');
  });
});

describe('a limit that several users share', () => {
  const roomOf = (context: ExecutionContext) =>
    context.switchToWs().getData<{ data: { room: string } }>().data.room;

  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  @RateLimit({ rate: 100 })
  class MemberGateway {
    @SubscribeMessage('room.say')
    @RateLimit({ rate: 1, per: 600_000, burst: 2, by: (_, context) => roomOf(context) })
    @SignedEvent()
    @Authorize(({ user }) => user?.id === 'member')
    say() {
      return 'said';
    }

    @SubscribeMessage('office.say')
    @Roles('staff')
    @RateLimit({ rate: 1, per: 600_000, burst: 2, by: 'address' })
    inOffice() {
      return 'said';
    }
  }

  it('cannot be used up by a user without access', async () => {
    const app = await TestApp.start({ gateways: [MemberGateway] });
    const outsider = await app.login('outsider');
    const member = await app.login('member');
    const say = async (client: TestClient) => {
      client.emit('room.say', { room: 'one' });
      const { code, event } = await client.next();
      return (code ?? event.data) as string;
    };
    for (let count = 0; count < 5; count++) expect(await say(outsider)).toBe('FORBIDDEN');
    expect([await say(member), await say(member), await say(member)]).toEqual([
      'said',
      'said',
      'RATE_LIMITED',
    ]);
  });

  it('by address is not used up by a neighbor without the role', async () => {
    const app = await TestApp.start({ gateways: [MemberGateway] });
    const outsider = await app.login('outsider');
    const staff = await app.connect();
    await staff.authenticate(tokenFor('ann', { roles: ['staff'] }));
    const say = async (client: TestClient) => {
      client.emit('office.say');
      const { code, event } = await client.next();
      return (code ?? event.data) as string;
    };
    for (let count = 0; count < 5; count++) expect(await say(outsider)).toBe('FORBIDDEN');
    expect([await say(staff), await say(staff), await say(staff)]).toEqual([
      'said',
      'said',
      'RATE_LIMITED',
    ]);
  });
});
