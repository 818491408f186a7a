import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { SemanticEventsModule } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
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
        stores: redisStores({ url: server.url, commandTimeout: 5_000, settleTime: 200 }),
      }),
    });

  it('asks Redis once for an event that is signed and limited', async () => {
    const client = await (await start()).login();
    client.emit('demo.limited', 'warm');
    await client.next();
    await admin.config('RESETSTAT');
    client.emit('demo.limited', 1);
    expect((await client.next()).type).toBe('event');
    const stats = await admin.info('commandstats');
    expect(stats).toContain('cmdstat_evalsha:calls=1,');
  });

  it('starts to listen only once its first event can be accepted', async () => {
    const client = await (await start()).login();
    client.emit('demo.echo', 'first');
    expect((await client.next()).type).toBe('event');
  });

  it('is one limit with the others', async () => {
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

  it('refuses signed events with UNAVAILABLE while Redis is gone, and none twice after', async () => {
    const client = await (await start()).login();
    const event = client.emit('demo.echo', 'once');
    expect((await client.next()).type).toBe('event');
    await server.kill();
    client.emit('demo.echo', 'gone');
    expect((await client.next()).code).toBe('UNAVAILABLE');
    await server.restart();
    for (let answered = false; !answered;) {
      await pause(50);
      client.sendJson({ type: 'event', event });
      expect(['UNAVAILABLE', 'REPLAY_DETECTED']).toContain((await client.next()).code);
      client.emit('demo.echo', 'back');
      answered = (await client.next()).type === 'event';
    }
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
  });

  it('tells the log of an outage once for whatever it stops, however many events meet it', async () => {
    const logged: string[] = [];
    const app = await start();
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => logged.push(String(text)));
    const [alice, bob] = [await app.login('alice'), await app.login('bob')];
    const known = alice.emit('demo.echo', 'known');
    await alice.next();
    await server.kill();
    // As many as are not yet held against a client.
    for (let sent = 0; sent < 10; sent++) {
      for (const client of [alice, bob]) {
        client.emit('demo.limited', sent);
        client.emit('demo.echo', sent);
        await client.take(2);
      }
    }
    await server.restart();
    for (let answered = 0; answered < 2;) {
      // What a node knows to be a replay it tells without Redis, which is not back for that.
      alice.sendJson({ type: 'event', event: known });
      expect((await alice.next()).code).toBe('REPLAY_DETECTED');
      alice.emit('demo.echo', 'back');
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
