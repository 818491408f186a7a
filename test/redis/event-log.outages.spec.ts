import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import { read } from '../helpers/event-logs.js';
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
  untilReceived,
  LOG_KEY,
  NODES_KEY,
  range,
  SHORT,
} from './event-log-scene.js';

const UNAVAILABLE = expect.objectContaining({ code: 'REDIS_UNAVAILABLE' });
const APPENDONLY = ['--appendonly', 'yes', '--appendfsync', 'always'];

describeWithRedis('RedisEventLog during an outage', () => {
  const scene = new EventLogScene();

  const proxy = async () => {
    const made = await FaultyProxy.start(scene.server.port);
    scene.finally(() => made.close());
    return made;
  };

  it('delivers each event once if Redis is killed and restarts with its data', async () => {
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
    await untilReceived(follower, 101);
    expect(follower.texts).toEqual([...range(100), 'after']);
    expect(follower.gaps).toEqual([]);
  });

  /** Lets Redis lose the last events of a publisher, which has lost its connection. Another node has not received them. */
  const loseEvents = async () => {
    const persistent = await RedisServer.start();
    scene.finally(() => persistent.close());
    const [near, far] = [
      await FaultyProxy.start(persistent.port),
      await FaultyProxy.start(persistent.port),
    ];
    scene.finally(() => Promise.all([near.close(), far.close()]));
    const publisher = scene.node({ url: near.url, commandTimeout: SHORT });
    const other = scene.node({ url: far.url, commandTimeout: SHORT });
    const follower = await following(other);
    await append(publisher, 'before');
    await untilReceived(follower, 1);
    await persistent.client().save();
    far.holdAnswers();
    far.isRefusing = true;
    await append(publisher, ...range(20));
    near.isRefusing = true;
    near.cut();
    await persistent.kill();
    far.cut();
    far.isRefusing = false;
    await persistent.restart();
    return { near, other, follower };
  };

  it('reports a gap if the newest events are lost together with the only node that knew them', async () => {
    const { follower } = await loseEvents();
    await eventually(() => follower.gaps.length > 0, 15_000);
    expect(follower.texts).toEqual(['before']);
  });

  it('reports a gap if another node publishes before the node that knew the lost events is back', async () => {
    const { near, other, follower } = await loseEvents();
    await appendSoon(other, 'after');
    near.isRefusing = false;
    await eventually(() => follower.gaps.length > 0, 15_000);
    await untilReceived(follower, 2);
    expect(follower.texts).toEqual(['before', 'after']);
  });

  /** The connections that receive events. */
  const subscribers = async () =>
    (await scene.connections()).filter(line => / s?sub=[1-9]/.test(line));

  /** Refuses connections, and ends the one that receives events. Resolves when its node has noticed. */
  const breakSubscription = async (way: FaultyProxy) => {
    way.isRefusing = true;
    await scene.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const { accepted } = way;
    await eventually(() => way.accepted > accepted);
  };

  it('loses no event if its connection breaks again before it has read the missed events', async () => {
    const way = await proxy();
    const follower = await following(scene.node({ url: way.url }));
    const publisher = scene.node();
    await append(publisher, 'before');
    await untilReceived(follower, 1);
    /** Lets the node subscribe, and ask for the end of the log. */
    const reconnect = async () => {
      const reports = () => scene.admin.hgetall(NODES_KEY);
      const earlier = await reports();
      way.isRefusing = false;
      await eventually(async () => (await subscribers()).length === 1);
      await eventually(async () => !isDeepStrictEqual(await reports(), earlier));
    };
    await breakSubscription(way);
    // The node does not learn the end of the log.
    way.holdAnswers();
    await reconnect();
    await breakSubscription(way);
    await append(publisher, 'missed');
    await reconnect();
    await append(publisher, 'after');
    await pause(100);
    way.releaseAnswers();
    await untilReceived(follower, 2);
    await append(publisher, 'last');
    await eventually(() => follower.texts.includes('last'));
    expect(follower.texts).toEqual(['before', 'missed', 'after', 'last']);
    expect(follower.gaps).toEqual([]);
  });

  it('loses no event of any channel while it reads the missed events of many', async () => {
    const way = await proxy();
    const stores = scene.node({ url: way.url });
    const follower = await following(stores);
    const channels = range(1_000).map(name => `client:${name}`);
    await Promise.all(channels.map(channel => stores.eventLog.listen(channel)));
    const publisher = scene.node({ maxEventsPerAudience: 10_000 });
    const texts: string[] = [];
    /** Publishes in the first channel, and then in the last one. */
    const publish = () =>
      Promise.all(
        [0, -1].map(at => {
          const text = `${texts.length}`;
          texts.push(text);
          return publisher.eventLog.append({ channel: channels.at(at)!, type: 'a.b', text });
        }),
      );
    for (let round = 0; round < 3; round++) {
      await breakSubscription(way);
      const { length } = follower.entries;
      way.isRefusing = false;
      do await publish();
      while (follower.entries.length === length);
      await publish();
      await eventually(() => follower.texts.at(-1) === texts.at(-1));
      expect(follower.texts).toEqual(texts);
    }
    expect(follower.gaps).toEqual([]);
  });

  it('keeps one connection if Redis is reached again while it connects', async () => {
    const way = await proxy();
    const client = new Redis(way.url);
    client.on('error', () => undefined);
    scene.finally(() => {
      client.disconnect();
    });
    const stores = scene.node({ client });
    const follower = await following(stores);
    await eventually(async () => (await subscribers()).length === 1);
    await breakSubscription(way);
    way.isHolding = true;
    way.isRefusing = false;
    const { accepted } = way;
    await eventually(() => way.accepted > accepted);
    // The other connection counts as lost, until Redis answers the next probe.
    client.emit('close');
    expect(stores.health().status).toBe('down');
    await eventually(() => stores.health().status === 'up');
    way.releaseAnswers();
    await eventually(() => way.accepted > accepted + 1);
    await append(stores, 'event');
    await untilReceived(follower, 1);
    await eventually(async () => (await subscribers()).length === 1);
  });

  it('continues after Redis hung', async () => {
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

  it('continues after its connection died without being closed', async () => {
    const way = await proxy();
    const follower = await following(scene.node({ url: way.url, commandTimeout: SHORT }));
    const publisher = scene.node();
    await append(publisher, 'before');
    await untilReceived(follower, 1);
    way.holdAnswers();
    await append(publisher, 'after');
    await untilReceived(follower, 2);
    expect(follower.texts).toEqual(['before', 'after']);
  });

  it('reconnects with pauses, and logs the outage once', async () => {
    const clock = new FakeClock();
    const way = await proxy();
    const follower = await following(scene.node({ url: way.url, clock }));
    const publisher = scene.node();
    await append(publisher, 'before');
    await untilReceived(follower, 1);
    way.isRefusing = true;
    way.cut();
    const before = way.accepted;
    await pause(1_500);
    // The other connection retries as well, every 200 ms.
    expect(way.accepted - before).toBeLessThan(30);
    const lines = () => scene.logged.filter(line => line.startsWith('Events of other nodes'));
    expect(lines()).toEqual([]);
    clock.advance(6_000);
    await eventually(() => lines().length === 1);
    await append(publisher, 'meanwhile');
    await pause(600);
    way.isRefusing = false;
    await untilReceived(follower, 2);
    expect(lines()).toEqual([
      expect.stringContaining('do not arrive'),
      expect.stringContaining('arrive again'),
    ]);
    expect(follower.texts).toEqual(['before', 'meanwhile']);
    expect(follower.gaps).toEqual([]);
  });

  it("contains an event once that the application's Redis client sent again", async () => {
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
    const { entries } = await read(stores.eventLog, undefined, 10);
    expect(entries.map(({ text }) => text)).toEqual(['first', 'second', 'third']);
  });

  it("works with any limits of the application's Redis client", async () => {
    const client = new Redis(scene.server.url, { commandTimeout: 500, socketTimeout: 1_000 });
    client.on('error', () => undefined);
    scene.finally(() => {
      client.disconnect();
    });
    const stores = scene.node({ client });
    const follower = await following(stores);
    const waiting = async () => {
      for (let look = 0; look < 1_000; look++) {
        const [found] = await subscribers();
        if (found) return found.split(' ')[0];
        await pause(10);
      }
      throw new Error('nobody is subscribed');
    };
    const first = await waiting();
    await pause(2_500);
    expect(await waiting()).toBe(first);
    await append(scene.node(), 'event');
    await untilReceived(follower, 1);
  });

  it.each(['answers', 'hangs', 'is gone'])('closes in time while Redis %s', async how => {
    const stores = scene.node({ commandTimeout: SHORT });
    const follower = await following(stores);
    await append(stores, 'before');
    await untilReceived(follower, 1);
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
