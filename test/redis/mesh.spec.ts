import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import {
  type Client,
  ConnectionManager,
  DefaultEventAuthorizer,
  EventAuthorizer,
  EventMesh,
  SemanticEventsModule,
} from '../../lib/index.js';
import { redisStores, type RedisStoresOptions } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const range = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);

/** Users whose rights were withdrawn, as a database would store them. */
const withdrawn = new Set<string>();

class Rights extends DefaultEventAuthorizer {
  override canSubscribe(client: Client): boolean {
    return !withdrawn.has(String(client.user?.id));
  }

  override canJoin(client: Client): boolean {
    return this.canSubscribe(client);
  }
}

describeWithRedis('two nodes with an event mesh on one Redis', () => {
  let server: RedisServer;
  let admin: Redis;
  let logged: string[];
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);

  beforeAll(async () => {
    process.on('unhandledRejection', note);
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(async () => {
    withdrawn.clear();
    await admin.flushall();
    logged = [];
    for (const level of ['error', 'warn'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => logged.push(String(text)));
  });

  afterEach(() => {
    server.cont();
    expect(unhandled).toEqual([]);
  });

  afterAll(async () => {
    process.off('unhandledRejection', note);
    jest.restoreAllMocks();
    await server.close();
  });

  const start = (tuning: RedisStoresOptions = {}) =>
    TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        stores: redisStores({
          url: server.url,
          commandTimeout: 10_000,
          clockDrift: 200,
          ...tuning,
        }),
        providers: [{ provide: EventAuthorizer, useClass: Rights }],
      }),
    });
  const meshOf = (app: TestApp) => app.nest.get(EventMesh);
  const startTwo = async (tuning?: RedisStoresOptions) =>
    [await start(tuning), await start(tuning)] as const;
  const subscribe = async (
    app: TestApp,
    { user = 'bob', since }: { user?: string; since?: string } = {},
  ) => {
    const client = await app.login(user);
    client.sendJson({ type: 'subscribe', patterns: ['chat.*'], since });
    const answer = await client.next();
    expect(answer.type).toBe('subscribed');
    return { client, cursor: answer.cursor as string };
  };
  const publish = async (app: TestApp, numbers: readonly number[]) => {
    for (const number of numbers) await meshOf(app).emit('chat.message', number);
  };
  /** Publishes consecutive numbers until one is accepted. */
  const publishSoon = async (app: TestApp, from: number, step = 1) => {
    for (let number = from; ; number += step) {
      const taken = publish(app, [number]).then(
        () => true,
        () => false,
      );
      if (await taken) return number;
      expect(number).toBeLessThan(from + 200 * step);
      await pause(20);
    }
  };
  /** Returns the numbers of the events among frames, and where a gap was. */
  const numbersOf = (frames: readonly Json[]): (number | 'gap')[] =>
    frames
      .filter(({ type }) => type === 'event' || type === 'gap')
      .map(({ type, event }) => (type === 'gap' ? 'gap' : (event.data as number)));
  const numbersUntil = async (client: TestClient, last: number) => {
    await eventually(() => numbersOf(client.received.slice(-1)).includes(last));
    return numbersOf(client.received);
  };

  it('deliver an event to handlers and clients on both, once each and in the same order', async () => {
    const apps = await startTwo();
    const handled: string[][] = [[], []];
    const clients: TestClient[] = [];
    for (const [index, app] of apps.entries()) {
      meshOf(app).subscribe('chat.**', ({ data }) => handled[index]!.push(data as string));
      clients.push((await subscribe(app)).client);
    }
    await eventually(() => apps.every(app => meshOf(app).stats().position !== undefined));
    await Promise.all(
      apps.flatMap((app, index) =>
        range(100).map(number => meshOf(app).emit('chat.message', `${index}:${number}`)),
      ),
    );
    await eventually(() => clients.every(({ received }) => received.length === 200));
    await eventually(() => handled.every(({ length }) => length === 200));
    const [first, second] = clients.map(({ received }) => received.map(({ event }) => event.data));
    expect(first).toEqual(handled[0]);
    expect(second).toEqual(handled[0]);
    expect(handled[1]).toEqual(handled[0]);
    for (const index of [0, 1])
      expect(handled[0]!.filter(text => text.startsWith(`${index}:`))).toEqual(
        range(100).map(number => `${index}:${number}`),
      );
    for (const [index, client] of clients.entries())
      for (const { event } of client.received)
        expect([index, client.verifies(event)]).toEqual([index, true]);
    // An authorizer that extends the default one may allow what `mesh.allow` does not.
    expect(clients[0]!.signing).toMatchObject({ broadcast: { scheme: 'v1e' } });
  });

  it('let a client resume on the other node without loss or repetition', async () => {
    const [one, other] = await startTwo();
    const { client } = await subscribe(one);
    await publish(one, range(10));
    const seen = await client.take(6);
    client.terminate();
    await publish(other, range(100, 10));
    const again = await subscribe(other, { since: seen.at(-1)!.cursor as string });
    expect(again.cursor).toBe(seen.at(-1)!.cursor);
    await publish(one, range(20, 110));
    expect([...numbersOf(seen), ...(await numbersUntil(again.client, 129))]).toEqual(range(130));
  });

  it('send a gap to a client whose cursor is no longer in the log', async () => {
    const [one, other] = await startTwo({ maxEvents: 100 });
    const { client } = await subscribe(one);
    await publish(one, range(5));
    const seen = await client.take(5);
    client.terminate();
    await Promise.all(range(500, 5).map(number => meshOf(one).emit('chat.message', number)));
    const again = await subscribe(other, { since: seen.at(-1)!.cursor as string });
    const [gap, ...rest] = await numbersUntil(again.client, 504);
    expect(gap).toBe('gap');
    expect(rest.length).toBeGreaterThanOrEqual(100);
    expect(rest).toEqual(range(rest.length, 505 - rest.length));
  });

  /**
   * Kills Redis for three seconds while 1,000 events are published, even ones by one node and odd ones by the other.
   * Returns what each client received.
   */
  const outage = async (options: readonly string[]) => {
    const redis = await RedisServer.start(options);
    try {
      const apps = await startTwo({ url: redis.url });
      const clients: TestClient[] = [];
      const handled: number[][] = [[], []];
      for (const [index, app] of apps.entries()) {
        clients.push((await subscribe(app)).client);
        meshOf(app).subscribe('chat.**', ({ data }) => handled[index]!.push(data as number));
      }
      const acknowledged: number[] = [];
      const publishing = apps.map(async (app, parity) => {
        for (const number of range(500)) {
          await publish(app, [2 * number + parity]).then(
            () => acknowledged.push(2 * number + parity),
            () => undefined,
          );
          await pause(10);
        }
      });
      await pause(500);
      await redis.kill();
      await pause(3_000);
      await redis.restart();
      await Promise.all(publishing);
      // The second is published after the first was accepted, and so arrives last.
      for (const [parity, app] of apps.entries())
        acknowledged.push(await publishSoon(app, 1_000 + parity, 2));
      const last = acknowledged.at(-1)!;
      const toClients: (number | 'gap')[][] = [];
      for (const client of clients) toClients.push(await numbersUntil(client, last));
      await eventually(() => handled.every(numbers => numbers.at(-1) === last));
      const gaps = apps.map(app => meshOf(app).stats().gaps);
      return { acknowledged, clients: toClients, handled, gaps };
    } finally {
      await redis.close();
    }
  };

  /**
   * Expects each acknowledged event once and in the order of its node, except those before a gap.
   */
  const expectWhole = (frames: (number | 'gap')[], acknowledged: readonly number[]) =>
    [0, 1].flatMap(parity => {
      const isOfNode = (item: number | 'gap') => item === 'gap' || item % 2 === parity;
      const story = frames.filter(isOfNode);
      const numbers = story.filter(item => item !== 'gap');
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      const missed = acknowledged.filter(number => isOfNode(number) && !numbers.includes(number));
      for (const number of missed) {
        const next = story.findIndex(item => item !== 'gap' && item > number);
        expect({ number, before: story[next - 1] }).toEqual({ number, before: 'gap' });
      }
      return missed;
    });

  it('lose nothing silently while Redis is killed for three seconds', async () => {
    const [emptied, kept] = await Promise.all([
      outage([]),
      outage(['--appendonly', 'yes', '--appendfsync', 'always']),
    ]);
    for (const { acknowledged } of [emptied, kept]) {
      expect(acknowledged.length).toBeGreaterThan(30);
      expect(acknowledged.length).toBeLessThan(1_000);
    }
    for (const story of emptied.clients) {
      expectWhole(story, emptied.acknowledged);
      expect(story.filter(item => item === 'gap')).toHaveLength(1);
    }
    expect(emptied.gaps).toEqual([1, 1]);
    for (const numbers of emptied.handled) expect(new Set(numbers).size).toBe(numbers.length);
    for (const story of [...kept.clients, ...kept.handled])
      expect(expectWhole(story, kept.acknowledged)).toEqual([]);
    expect(kept.clients.flat()).not.toContain('gap');
    expect(kept.gaps).toEqual([0, 0]);
    // A node logs each message once during an outage.
    const lines = logged.filter(line => !line.startsWith('Events of other nodes were lost'));
    expect(new Set(lines).size).toBeLessThan(6);
    expect(lines.length).toBeLessThan(20);
  }, 180_000);

  it('continue after Redis hung', async () => {
    const [one, other] = await startTwo({ commandTimeout: 1_000 });
    const { client } = await subscribe(other);
    await publish(one, [0, 1, 2]);
    server.stop();
    await expect(publish(one, [3])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await pause(2_000);
    server.cont();
    const last = await publishSoon(one, 4);
    const story = await numbersUntil(client, last);
    // An event without an acknowledgement may have been published or not.
    const acknowledged = new Set<number | 'gap'>([0, 1, 2, last]);
    expect(story.filter(item => acknowledged.has(item))).toEqual([0, 1, 2, last]);
    expect(story).toEqual([...new Set(story)]);
    expect(story).not.toContain('gap');
  });

  it('send every client one gap when Redis is emptied', async () => {
    const apps = await startTwo();
    const clients = [(await subscribe(apps[0])).client, (await subscribe(apps[1])).client];
    await publish(apps[0], [0]);
    for (const client of clients) await numbersUntil(client, 0);
    await admin.flushall();
    await publish(apps[1], [1]);
    for (const client of clients) {
      expect(await numbersUntil(client, 1)).toEqual([0, 'gap', 1]);
      const { cursor } = client.received.find(({ type }) => type === 'gap')!;
      const { client: again } = await subscribe(apps[0], { since: cursor as string });
      expect(numbersOf(await again.take(1)).at(-1)).toBe(cursor === '0-0' ? 'gap' : 1);
    }
  });

  it('end a subscription on the other node when rights are withdrawn', async () => {
    const [one, other] = await startTwo();
    const { client: bob } = await subscribe(other);
    const { client: alice } = await subscribe(other, { user: 'alice' });
    await publish(one, [0]);
    await numbersUntil(bob, 0);
    bob.received.length = 0;
    withdrawn.add('bob').add('alice');
    await meshOf(one).reauthorize('bob');
    expect(await bob.next()).toEqual({ type: 'unsubscribed', patterns: ['chat.*'] });
    await publish(one, [1]);
    expect(await numbersUntil(alice, 1)).toEqual([0, 1]);
    expect(bob.received).toEqual([]);
    expect(meshOf(other).stats().subscriptions).toBe(1);
  });

  it('end the rooms of a client on another node whose clients have not subscribed', async () => {
    const [one, other] = await startTwo();
    await other.login('bob');
    const [client] = other.nest.get(ConnectionManager).list();
    await meshOf(other).join(client!, 'board');
    expect(await meshOf(one).count('board')).toEqual({ users: 1, connections: 1 });
    withdrawn.add('bob');
    await meshOf(one).reauthorize('bob');
    await eventually(async () => (await meshOf(one).count('board')).connections === 0);
  });

  it('end a subscription even if the notice of the withdrawal was lost', async () => {
    const [one, other] = await startTwo();
    const { client } = await subscribe(other);
    withdrawn.add('bob');
    // Emptied in the same instant, before any node could read what was written.
    await admin.flushall();
    await publish(one, [1]);
    await eventually(() => meshOf(other).stats().received === 1);
    await eventually(() => meshOf(other).stats().subscriptions === 0);
    const frames: Json[] = [];
    do frames.push(await client.next());
    while (frames.at(-1)?.type !== 'unsubscribed');
    expect(frames.pop()).toEqual({ type: 'unsubscribed', patterns: ['chat.*'] });
    // Either can be noticed first: the withdrawn right or the replaced log.
    expect(frames.filter(({ type }) => type !== 'gap')).toEqual([]);
  });

  it('start without Redis, and receive everything once it is up', async () => {
    await server.kill();
    const apps = await startTwo();
    const handled: number[] = [];
    meshOf(apps[0]).subscribe('chat.*', ({ data }) => handled.push(data as number));
    meshOf(apps[0]).subscribe('chat.*', ({ data }) => handled.push(data as number));
    await pause(300);
    await server.restart();
    await eventually(() => meshOf(apps[0]).stats().position !== undefined);
    const last = await publishSoon(apps[1], 7);
    await eventually(() => handled.filter(number => number === last).length === 2);
    const lines = logged.filter(line => line.startsWith('The store of events'));
    expect(lines.length).toBeLessThanOrEqual(apps.length);
  });

  it('leave nothing open after they are closed', async () => {
    const connections = async () =>
      String(await admin.client('LIST'))
        .trim()
        .split('\n').length;
    // Connections of earlier tests may still be closing. Only those of this test remain.
    while ((await connections()) > 1) await pause(10);
    const before = 1;
    const apps = await startTwo();
    for (const app of apps) await subscribe(app);
    await publish(apps[0], [0]);
    expect(await connections()).toBeGreaterThanOrEqual(before + 3);
    await Promise.all(apps.map(app => app.stop()));
    for (let look = 0; look < 1_000 && (await connections()) > before; look++) await pause(10);
    expect(await connections()).toBe(before);
  });
});
