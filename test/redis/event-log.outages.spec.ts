import { Redis } from 'ioredis';
import { eventually, pause } from '../helpers/eventually.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';
import { FaultyProxy } from '../helpers/faulty-proxy.js';
import {
  append,
  appendSoon,
  EventLogScene,
  following,
  heard,
  LOG_KEY,
  range,
  SHORT,
} from './event-log-scene.js';

const UNAVAILABLE = expect.objectContaining({ code: 'REDIS_UNAVAILABLE' });
const APPENDONLY = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

describeWithRedis('the log of events, while Redis or the way to it fails,', () => {
  const scene = new EventLogScene();

  const proxy = async () => {
    const made = await FaultyProxy.start(scene.server.port);
    scene.finally(() => made.close());
    return made;
  };

  it('is followed over a Redis that is killed and comes back with what it had, each event once', async () => {
    const persistent = await RedisServer.start(APPENDONLY);
    scene.finally(() => persistent.close());
    const [one, other] = [scene.node({ url: persistent.url }), scene.node({ url: persistent.url })];
    const follower = await following(other);
    await append(one, ...range(100));
    await persistent.kill();
    await expect(append(one, 'lost')).rejects.toEqual(UNAVAILABLE);
    await pause(300);
    await persistent.restart();
    await appendSoon(one, 'after');
    await heard(follower, 101);
    expect(follower.texts).toEqual([...range(100), 'after']);
    expect(follower.gaps).toEqual([]);
  });

  it('is followed over a Redis that hangs', async () => {
    const [one, other] = [
      scene.node({ commandTimeout: SHORT }),
      scene.node({ commandTimeout: SHORT }),
    ];
    const follower = await following(other);
    await append(one, 'before');
    scene.server.stop();
    await expect(append(one, 'perhaps')).rejects.toEqual(UNAVAILABLE);
    await pause(2 * SHORT);
    scene.server.cont();
    await appendSoon(one, 'after');
    await eventually(() => follower.texts.includes('after'));
    expect(follower.texts.filter(text => text !== 'perhaps')).toEqual(['before', 'after']);
    expect(follower.gaps).toEqual([]);
  });

  it('is followed over a connection that is dead without having been closed', async () => {
    const way = await proxy();
    const follower = await following(scene.node({ url: way.url, commandTimeout: SHORT }));
    const publisher = scene.node();
    await append(publisher, 'before');
    await heard(follower, 1);
    way.holdAnswers();
    await append(publisher, 'after');
    await heard(follower, 2);
    expect(follower.texts).toEqual(['before', 'after']);
  });

  it('is looked for with pauses while it cannot be reached, and told of once', async () => {
    const clock = new FakeClock();
    const way = await proxy();
    const follower = await following(scene.node({ url: way.url, clock }));
    const publisher = scene.node();
    await append(publisher, 'before');
    await heard(follower, 1);
    way.isRefusing = true;
    way.cut();
    const before = way.accepted;
    await pause(1_500);
    // The other connection tries as well, every 200 ms.
    expect(way.accepted - before).toBeLessThan(30);
    const lines = () => scene.logged.filter(line => line.startsWith('Events of other nodes'));
    expect(lines()).toEqual([]);
    clock.advance(6_000);
    await eventually(() => lines().length === 1);
    await append(publisher, 'meanwhile');
    await pause(600);
    way.isRefusing = false;
    await heard(follower, 2);
    expect(lines()).toEqual([
      expect.stringContaining('do not arrive'),
      expect.stringContaining('arrive again'),
    ]);
    expect(follower.texts).toEqual(['before', 'meanwhile']);
    expect(follower.gaps).toEqual([]);
  });

  it('has an event once that a client of the application sends again', async () => {
    const way = await proxy();
    const client = new Redis(way.url);
    client.on('error', () => undefined);
    scene.finally(() => {
      client.disconnect();
    });
    const stores = scene.node({ client });
    await append(stores, 'first');
    way.holdAnswers();
    const second = append(stores, 'second');
    second.catch(() => undefined);
    while ((await scene.admin.xlen(LOG_KEY)) < 2) await pause(5);
    way.cut();
    await expect(second).rejects.toEqual(UNAVAILABLE);
    await appendSoon(stores, 'third');
    const { entries } = await stores.eventLog.read(undefined, 10);
    expect(entries.map(({ text }) => text)).toEqual(['first', 'second', 'third']);
  });

  it('is followed whatever limits the client of the application has', async () => {
    const client = new Redis(scene.server.url, { commandTimeout: 500, socketTimeout: 1_000 });
    client.on('error', () => undefined);
    scene.finally(() => {
      client.disconnect();
    });
    const stores = scene.node({ client });
    const follower = await following(stores);
    // Blocked, that is: the application's own client reads a stream now and then, too, and does not wait.
    const blocked = / flags=\w*b.* cmd=xread/;
    const waiting = async () => {
      for (let look = 0; look < 1_000; look++) {
        const found = (await scene.connections()).find(line => blocked.test(line));
        if (found) return found.split(' ')[0];
        await pause(10);
      }
      throw new Error('nobody waits for an entry');
    };
    const first = await waiting();
    await pause(2_500);
    expect(await waiting()).toBe(first);
    await append(scene.node(), 'event');
    await heard(follower, 1);
  });

  it.each(['answers', 'hangs', 'is gone'])('is closed in time while Redis %s', async how => {
    const stores = scene.node({ commandTimeout: SHORT });
    const follower = await following(stores);
    await append(stores, 'before');
    await heard(follower, 1);
    if (how === 'hangs') scene.server.stop();
    if (how === 'is gone') await scene.server.kill();
    await pause(300);
    const elapsed = stopwatch();
    await stores.close();
    expect(elapsed()).toBeLessThan(3 * SHORT);
    if (how === 'is gone') await scene.server.restart();
    scene.server.cont();
    await expect(append(stores, 'late')).rejects.toEqual(UNAVAILABLE);
    await expect(stores.eventLog.follow(follower)).rejects.toEqual(UNAVAILABLE);
    await scene.admin.ping();
    await append(scene.node(), 'after');
    await pause(50);
    expect(follower.texts).toEqual(['before']);
  });
});
