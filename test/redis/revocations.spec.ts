import { Redis, type RedisOptions } from 'ioredis';
import type { CanActivate } from '@nestjs/common';
import { SystemClock } from '../../lib/clock.js';
import {
  Clock,
  ConnectionManager,
  type LogOut,
  SemanticEventsModule,
  SessionRegistry,
  TicketService,
} from '../../lib/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { post } from '../helpers/http.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { OffClock } from '../helpers/redis-time.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const TUNING = { clockDrift: 50, commandTimeout: 5_000 };

class OpenGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

describeWithRedis('a revocation on one node', () => {
  let server: RedisServer;
  const open: RedisStores[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(stores => stores.close()));
  });

  afterAll(async () => {
    await server.close();
  });

  const prefix = () => `${expect.getState().currentTestName}:`;
  /** The stream key of the notices. */
  const noticesKey = () => `${prefix()}{revocations}`;
  const newStores = (options = {}) =>
    redisStores({ url: server.url, prefix: prefix(), ...TUNING, ...options });
  const node = (stores = newStores(), clock: Clock = new SystemClock()) =>
    TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        devtools: { guard: OpenGuard },
        providers: [{ provide: Clock, useValue: clock }],
        stores,
      }),
    });
  const hasEnded = (app: TestApp, sessionId: string) =>
    app.nest.get(SessionRegistry).hasEnded({ id: 'alice', sessionId });

  const login = async (app: TestApp, user: string, sid: string) => {
    const client = await app.connect();
    expect((await client.authenticate(tokenFor(user, { sid }))).type).toBe('auth_success');
    return client;
  };

  it('closes every connection of the user on other nodes, and no others', async () => {
    const [one, other] = [await node(), await node()];
    const [here, there] = [await login(one, 'alice', 'a'), await login(other, 'alice', 'b')];
    const bob = await login(other, 'bob', 'c');
    expect(one.nest.get(ConnectionManager).disconnectUser('alice')).toBe(1);
    expect(await here.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    expect(await there.closed).toEqual({ code: 4403, reason: 'REVOKED' });
    bob.emit('demo.echo', 'still here');
    expect((await bob.next()).event.data).toBe('still here');
  });

  it('is stored although its node shuts down at once', async () => {
    const [ending, other] = [newStores(), newStores()];
    open.push(other);
    await Promise.all([ending.ready(), other.ready()]);
    const at = Date.now();
    const sessions = Array.from({ length: 1_200 }, (_, number) => `ended-${number}`);
    for (const id of sessions)
      ending.revocationBus.publish({
        kind: 'session',
        id,
        code: 'REVOKED',
        at,
        until: at + 60_000,
      });
    await ending.close();
    const stored = await Promise.all(
      sessions.map(id => other.revocationBus.loggedOutAt('session', id)),
    );
    expect(stored.filter(time => time === at)).toHaveLength(1_200);
  });

  it('closes a connection by its id on any node', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    const { id } = other.nest.get(ConnectionManager).list()[0]!;
    expect(one.nest.get(ConnectionManager).disconnect(id)).toBe(false);
    expect((await client.closed).code).toBe(4403);
  });

  it.each<[string, RedisOptions]>([
    ['by default', {}],
    ['with maps', { replyMapping: 'resp3' }],
    ['by RESP2', { protocol: 2 }],
    ['late', { keyPrefix: 'app:', db: 3, lazyConnect: true, enableOfflineQueue: false }],
  ])("arrives whatever the settings of the application's Redis client: %s", async (_, options) => {
    const client = new Redis(server.port, '127.0.0.1', options);
    const nodes = [1, 2].map(() => redisStores({ client, prefix: prefix(), ...TUNING }));
    open.push(...nodes);
    const receivedIds: string[] = [];
    nodes[1]!.revocationBus.subscribe(({ id }) => receivedIds.push(id));
    const revoked = { kind: 'user', code: 'REVOKED', at: Date.now() } as const;
    for (const id of ['alice', 'bob']) nodes[0]!.revocationBus.publish({ ...revoked, id });
    await eventually(() => receivedIds.length === 2, 3_000);
    expect(receivedIds).toEqual(['alice', 'bob']);
    await Promise.all(open.splice(0).map(stores => stores.close()));
    client.disconnect();
  });

  it('rejects the session on every node, including one that starts later', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'ended');
    one.nest.get(SessionRegistry).end('ended');
    expect((await client.closed).code).toBe(4403);
    const late = await node();
    await eventually(() => hasEnded(late, 'ended'));
    for (const app of [one, other, late]) {
      const again = await app.connect();
      const answer = await again.authenticate(tokenFor('alice', { sid: 'ended' }));
      expect(answer.code).toBe('AUTH_FAILED');
    }
  });

  it('reaches a node that starts long after, before that accepts a client', async () => {
    const one = await node();
    one.nest.get(SessionRegistry).end('ended');
    await pause(100);
    const stores = redisStores({ url: server.url, prefix: prefix(), ...TUNING });
    // An application creates its providers in turn: the first read may happen before the last
    // listener is added.
    const receivedIds: string[][] = [[], []];
    stores.revocationBus.subscribe(({ id }) => receivedIds[0]!.push(id));
    await stores.ready();
    await eventually(() => receivedIds[0]!.length === 1);
    stores.revocationBus.subscribe(({ id }) => receivedIds[1]!.push(id));
    expect(receivedIds).toEqual([['ended'], ['ended']]);
    await stores.close();
  });

  it("is stored until the session's tokens expire, whatever else is revoked", async () => {
    const one = await node();
    const sessions = one.nest.get(SessionRegistry);
    sessions.end('stolen');
    const admin = server.client();
    const key = `${prefix()}ended:session:stolen`;
    await eventually(async () => (await admin.exists(key)) === 1);
    expect(await admin.pttl(key)).toBeGreaterThan(86_300_000);
    for (let other = 0; other < 11_000; other++) sessions.end(`other-${other}`);
    await eventually(
      async () => (await admin.exists(`${prefix()}ended:session:other-10999`)) === 1,
      20_000,
    );
    // More than the number of stored notices: only the key of the session remains.
    expect(await admin.xlen(noticesKey())).toBeLessThan(10_900);
    const late = await node();
    const again = await late.connect();
    const answer = await again.authenticate(tokenFor('alice', { sid: 'stolen' }));
    expect(answer.code).toBe('AUTH_FAILED');
  });

  it('reaches a node that starts after Redis has lost it, from any node that still knows it', async () => {
    const [one, other] = [await node(), await node()];
    one.nest.get(SessionRegistry).end('ended');
    await eventually(() => hasEnded(other, 'ended'));
    // One node that received it is enough, even if its sender is gone.
    await one.stop();
    const admin = server.client();
    await admin.flushall();
    const key = `${prefix()}ended:session:ended`;
    await eventually(async () => (await admin.exists(key)) === 1, 5_000);
    const late = await node();
    const again = await late.connect();
    const answer = await again.authenticate(tokenFor('alice', { sid: 'ended' }));
    expect(answer.code).toBe('AUTH_FAILED');
  });

  it('reaches a connection whose node has missed the notice', async () => {
    const one = await node();
    const client = await login(one, 'alice', 'missed');
    const admin = server.client();
    await admin.set(`${prefix()}ended:session:missed`, 1);
    // The node continues after a notice that no longer exists.
    await admin.xadd(noticesKey(), '*', 'node', 'x', 'revocation', '{}');
    await pause(600);
    await admin.del(noticesKey());
    await admin.xadd(noticesKey(), '*', 'node', 'x', 'revocation', '{}');
    expect(await client.closed).toEqual({ code: 4403, reason: 'REVOKED' });
  });

  it('is unknown to a node that has never reached Redis, which accepts no client', async () => {
    const module = SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      stores: redisStores({ url: 'redis://127.0.0.1:1', commandTimeout: 100 }),
    });
    const app = await TestApp.start({ gateways: [DemoGateway], module });
    const client = await app.connect();
    const answer = await client.authenticate(tokenFor('alice', { sid: 'any' }));
    expect(answer.code).toBe('UNAVAILABLE');
  });

  it('arrives from another Redis whose clock is behind', async () => {
    const other = await node();
    const client = await login(other, 'alice', 'a');
    const key = noticesKey();
    const revoked = JSON.stringify({ kind: 'user', id: 'alice', code: 'REVOKED', at: Date.now() });
    await server
      .client()
      .xadd(key, '*', 'node', 'x', 'revocation', revoked.replace('alice', 'bob'));
    await pause(600);
    const fields = ['node', 'x', 'revocation', revoked];
    await server
      .client()
      .multi()
      .flushall()
      .xadd(key, '1-1', ...fields)
      .exec();
    expect((await client.closed).code).toBe(4403);
  });

  it('arrives while Redis is out of memory', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    one.nest.get(ConnectionManager).disconnectUser('alice');
    const admin = server.client();
    while ((await admin.xlen(noticesKey())) < 1) await pause(5);
    await admin.config('SET', 'maxmemory', '1');
    other.nest.get(ConnectionManager).disconnectUser('bob');
    expect((await client.closed).code).toBe(4403);
    await admin.config('SET', 'maxmemory', '0');
  });

  it('arrives at a node after an outage of Redis', async () => {
    const [one, other] = [await node(), await node()];
    const client = await login(other, 'alice', 'a');
    await server.kill();
    one.nest.get(ConnectionManager).disconnectUser('alice');
    await server.restart();
    expect((await client.closed).code).toBe(4403);
  });

  describe('that logs a user out', () => {
    /** A token of alice that was issued some seconds after now. */
    const issuedIn = (seconds: number, claims: object = {}) =>
      tokenFor('alice', { iat: Math.floor(Date.now() / 1000) + seconds, ...claims });
    const answerOf = async (app: TestApp, token: string) => {
      const client = await app.connect();
      const answer = await client.authenticate(token);
      return answer.code ?? answer.type;
    };
    const logOut = (app: TestApp) => app.nest.get(SessionRegistry).endUser('alice');
    const key = () => `${prefix()}ended:user:alice`;

    it('rejects every earlier token on every node, connected or not, and accepts later ones', async () => {
      const [one, other] = [await node(), await node()];
      const connected = await other.connect();
      await connected.authenticate(issuedIn(-5));
      const bob = await login(other, 'bob', 'b');
      expect(logOut(one)).toBe(0);
      expect(await connected.closed).toEqual({ code: 4403, reason: 'REVOKED' });
      const late = await node();
      for (const app of [one, other, late]) {
        for (const claims of [{}, { sid: 'never used' }])
          expect(await answerOf(app, issuedIn(-5, claims))).toBe('AUTH_FAILED');
        for (const claims of [{}, { sid: 'new' }])
          expect(await answerOf(app, issuedIn(2, claims))).toBe('auth_success');
      }
      bob.emit('demo.echo', 'still here');
      expect((await bob.next()).event.data).toBe('still here');
    });

    it('rejects what a node issued before, although its clock is ahead, and nothing that is issued soon after', async () => {
      const AHEAD = 700;
      const clocks = [new SystemClock(), new OffClock(AHEAD)];
      const stores = clocks.map(clock => newStores({ clockDrift: 1_000, clock }));
      const [one, other] = (await Promise.all(
        clocks.map((clock, index) => node(stores[index], clock)),
      )) as [TestApp, TestApp];
      await eventually(() => stores[0]!.revocationBus.clockLead >= AHEAD);
      const { ticket } = other.nest.get(TicketService).issue({ id: 'alice' });
      const connected = await other.connect();
      await connected.authenticate(other.nest.get(TicketService).issue({ id: 'alice' }).ticket);
      logOut(one);
      expect((await connected.closed).code).toBe(4403);
      expect(await answerOf(one, ticket)).toBe('AUTH_FAILED');
      const issuedAt = Date.now() + AHEAD + 500;
      const later = other.nest.get(TicketService).issue({ id: 'alice', issuedAt });
      expect(await answerOf(one, later.ticket)).toBe('auth_success');
    });

    it('rejects a token, and its renewal, on a node that receives no notice', async () => {
      const one = await node();
      const sessions = one.nest.get(SessionRegistry);
      const client = await login(one, 'alice', 'a');
      const at = Date.now();
      await server.client().set(key(), at);
      for (const sessionId of [undefined, 'a']) {
        expect(await sessions.isEnded({ id: 'alice', sessionId, issuedAt: at })).toBe(true);
        expect(await sessions.isEnded({ id: 'alice', sessionId, issuedAt: at + 1 })).toBe(false);
        expect(await answerOf(one, issuedIn(-5, { sid: sessionId }))).toBe('AUTH_FAILED');
      }
      expect((await client.authenticate(issuedIn(-5))).code).toBe('AUTH_FAILED');
    });

    it('does so by the route for administrators, whichever node answers', async () => {
      const [one, other] = [await node(), await node()];
      const connected = await login(other, 'alice', 'a');
      const { status, body } = await post(one, '/semantic-events/users/log-out', {
        body: { user: 'alice' },
      });
      expect({ status, body }).toEqual({ status: 200, body: { closed: 0 } });
      expect((await connected.closed).code).toBe(4403);
      for (const app of [one, other])
        expect(await answerOf(app, issuedIn(-5, { sid: 'stolen' }))).toBe('AUTH_FAILED');
    });

    it('keeps the latest time and the longest end of several log-outs', async () => {
      const stores = [1, 2].map(() => newStores());
      open.push(...stores);
      const [one, other] = stores.map(({ revocationBus }) => revocationBus);
      const now = Date.now();
      const publish = async (at: number, until: number) => {
        const logOut: LogOut = { kind: 'user', id: 'alice', code: 'REVOKED', at, until };
        one!.publish(logOut);
        await one!.catchUp();
        await one!.catchUp();
      };
      await Promise.all(stores.map(store => store.ready()));
      expect(await other!.loggedOutAt('user', 'alice')).toBeUndefined();
      await publish(now - 5, now + 60_000);
      await publish(now - 9, now + 30_000);
      expect(await other!.loggedOutAt('user', 'alice')).toBe(now - 5);
      const admin = server.client();
      expect(await admin.pttl(key())).toBeGreaterThan(40_000);
      await publish(now, now + 40_000);
      expect(await other!.loggedOutAt('user', 'alice')).toBe(now);
      expect(await admin.pttl(key())).toBeGreaterThan(45_000);
      await publish(now - 1, now + 90_000);
      expect(await other!.loggedOutAt('user', 'alice')).toBe(now);
      expect(await admin.pttl(key())).toBeGreaterThan(75_000);
      expect(await other!.loggedOutAt('session', 'alice')).toBeUndefined();
      const received: unknown[] = [];
      await other!.catchUp();
      other!.subscribe(({ kind, at, until }) => received.push({ kind, at, until }));
      expect(received).toEqual([{ kind: 'user', at: now, until: now + 90_000 }]);
    });

    it('reaches a node that starts after Redis has lost it, from any node that still knows it', async () => {
      const [one, other] = [await node(), await node()];
      logOut(one);
      await eventually(() => other.nest.get(SessionRegistry).hasEnded({ id: 'alice' }));
      const admin = server.client();
      const at = await admin.get(key());
      await one.stop();
      await admin.flushall();
      await eventually(async () => (await admin.exists(key())) === 1, 5_000);
      expect(await admin.get(key())).toBe(at);
      const late = await node();
      expect(await answerOf(late, issuedIn(-5))).toBe('AUTH_FAILED');
      expect(await answerOf(late, issuedIn(2))).toBe('auth_success');
    });

    it('reaches a connection whose node has missed the notice, unless its token is newer', async () => {
      const one = await node();
      const [old, newer] = [await one.connect(), await one.connect()];
      await old.authenticate(issuedIn(-5));
      await newer.authenticate(issuedIn(5));
      const admin = server.client();
      await admin.set(key(), Date.now());
      await admin.xadd(noticesKey(), '*', 'node', 'x', 'revocation', '{}');
      await pause(600);
      await admin.del(noticesKey());
      await admin.xadd(noticesKey(), '*', 'node', 'x', 'revocation', '{}');
      expect(await old.closed).toEqual({ code: 4403, reason: 'REVOKED' });
      newer.emit('demo.echo', 'still here');
      expect((await newer.next()).event.data).toBe('still here');
    });

    it('does not close a client that has logged in again before the notice arrives', async () => {
      const one = await node();
      const at = Date.now();
      await pause(2);
      const [old, newer] = [await one.connect(), await one.connect()];
      await old.authenticate(issuedIn(-5));
      await newer.authenticate(issuedIn(2));
      const logOut: LogOut = { kind: 'user', id: 'alice', code: 'REVOKED', at, until: at + 60_000 };
      await server
        .client()
        .xadd(noticesKey(), '*', 'node', 'x', 'revocation', JSON.stringify(logOut));
      expect(await old.closed).toEqual({ code: 4403, reason: 'REVOKED' });
      newer.emit('demo.echo', 'still here');
      expect((await newer.next()).event.data).toBe('still here');
    });

    it('is more than a disconnect, after which the tokens are still valid', async () => {
      const [one, other] = [await node(), await node()];
      const client = await login(other, 'alice', 'a');
      one.nest.get(ConnectionManager).disconnectUser('alice');
      expect((await client.closed).code).toBe(4403);
      expect(await answerOf(other, issuedIn(-5))).toBe('auth_success');
      expect(await server.client().exists(key())).toBe(0);
    });
  });
});
