import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { SemanticEventsModule } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { emitByRing } from '../helpers/by-ring.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';

describeWithRedis('an application on Redis', () => {
  let server: RedisServer;
  let admin: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(async () => {
    jest.restoreAllMocks();
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await admin.flushall();
  });

  afterAll(async () => {
    await server.close();
  });

  const start = () =>
    TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        stores: redisStores({ url: server.url, commandTimeout: 5_000, clockDrift: 200 }),
      }),
    });

  it('makes one call to Redis for a signed and rate-limited event', async () => {
    const client = await (await start()).login();
    client.emit('demo.limited', 'warm');
    await client.next();
    await admin.config('RESETSTAT');
    client.emit('demo.limited', 1);
    expect((await client.next()).type).toBe('event');
    const stats = await admin.info('commandstats');
    expect(stats).toContain('cmdstat_evalsha:calls=1,');
  });

  it('calls Redis for no event that a session key signs, unless its handler has a limit', async () => {
    const client = await (await start()).login();
    await admin.config('RESETSTAT');
    for (let sent = 0; sent < 100; sent++) client.emit('demo.echo', sent);
    for (const answer of await client.take(100)) expect(answer.type).toBe('event');
    const [, writes = '0'] =
      /cmdstat_set:calls=(\d+),/.exec(await admin.info('commandstats')) ?? [];
    // A node renews its leases a few times a second. A nonce in Redis would be a write each.
    expect(Number(writes)).toBeLessThan(20);
  });

  it('sends the limit and the nonce of a ring key event to Redis together', async () => {
    const { pipeline } = Redis.prototype;
    const sizes: (() => number)[] = [];
    jest.spyOn(Redis.prototype, 'pipeline').mockImplementation(function (this: Redis) {
      const made = pipeline.call(this);
      sizes.push(() => made.length);
      return made;
    });
    const client = await (await start()).login();
    emitByRing(client, 'demo.limited', 1);
    expect((await client.next()).type).toBe('event');
    expect(sizes.map(size => size())).toContain(2);
  });

  it('accepts a ring key event later that was over the limit', async () => {
    const client = await (await start()).login();
    for (let sent = 0; sent < 3; sent++) client.emit('demo.limited', sent);
    await client.take(3);
    const event = emitByRing(client, 'demo.limited', 'late');
    const { code, retry_after } = await client.next();
    expect(code).toBe('RATE_LIMITED');
    await pause((retry_after as number) * 1_000);
    client.sendJson({ type: 'event', event });
    expect((await client.next()).type).toBe('event');
    client.sendJson({ type: 'event', event });
    expect((await client.next()).type).toBe('error');
  });

  it('listens only once its first event can be accepted', async () => {
    const client = await (await start()).login();
    client.emit('demo.echo', 'first');
    expect((await client.next()).type).toBe('event');
  });

  it('shares one limit with other nodes', async () => {
    const clients = [await (await start()).login(), await (await start()).login()];
    const answers = await Promise.all(
      clients.map(async client => {
        for (let event = 0; event < 3; event++) client.emit('demo.limited', event);
        return client.take(3);
      }),
    );
    expect(answers.flat().filter(({ type }) => type === 'event')).toHaveLength(3);
    expect(answers.flat().filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(3);
  });

  it('rejects signed events with UNAVAILABLE while Redis is down, and accepts none twice after', async () => {
    const client = await (await start()).login();
    const event = emitByRing(client, 'demo.echo', 'once');
    expect((await client.next()).type).toBe('event');
    await server.kill();
    emitByRing(client, 'demo.echo', 'gone');
    expect((await client.next()).code).toBe('UNAVAILABLE');
    await server.restart();
    for (let answered = false; !answered;) {
      await pause(50);
      client.sendJson({ type: 'event', event });
      // After Redis lost its data it cannot rule out that an older event is a replay.
      expect(['UNAVAILABLE', 'REPLAY_DETECTED', 'EVENT_EXPIRED']).toContain(
        (await client.next()).code,
      );
      emitByRing(client, 'demo.echo', 'back');
      answered = (await client.next()).type === 'event';
    }
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('EVENT_EXPIRED');
  });

  it('logs an outage once per feature, however many events it affects', async () => {
    const logged: string[] = [];
    const app = await start();
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => logged.push(String(text)));
    const [alice, bob] = [await app.login('alice'), await app.login('bob')];
    const known = emitByRing(alice, 'demo.echo', 'known');
    await alice.next();
    await server.kill();
    // As many events as a client may send without a strike.
    for (let sent = 0; sent < 10; sent++) {
      for (const client of [alice, bob]) {
        client.emit('demo.limited', sent);
        emitByRing(client, 'demo.echo', sent);
        await client.take(2);
      }
    }
    await server.restart();
    for (let answered = 0; answered < 2;) {
      // A replay is rejected whether Redis is down or has lost its data.
      alice.sendJson({ type: 'event', event: known });
      expect(['UNAVAILABLE', 'EVENT_EXPIRED']).toContain((await alice.next()).code);
      emitByRing(alice, 'demo.echo', 'back');
      if ((await alice.next()).type === 'event') answered++;
      await pause(20);
    }
    expect(
      logged
        .filter(line => / (fails|does not answer)/.test(line))
        .map(shortened)
        .sort(),
    ).toEqual([
      'Redis does not answer',
      'The store of nonces fails',
      'The store of rate limits fails',
    ]);
  });
});

const shortened = (line: string) => /.*?(fails|does not answer)/.exec(line)?.[0];
