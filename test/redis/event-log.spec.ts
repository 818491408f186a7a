import { idOf, type LogFollower, PUBLIC } from '../../lib/mesh/index.js';
import { EventLogKeys } from '../../lib/redis/event-log-keys.js';
import { EventLogReader } from '../../lib/redis/event-log-reader.js';
import type { Script } from '../../lib/redis/script.js';
import type { ScriptBatch } from '../../lib/redis/script-batch.js';
import { read } from '../helpers/event-logs.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis } from '../helpers/redis-server.js';
import { FaultyProxy } from '../helpers/faulty-proxy.js';
import {
  append,
  EventLogScene,
  following,
  untilReceived,
  LOG_KEY,
  range,
  STATE_KEY,
} from './event-log-scene.js';

describeWithRedis('RedisEventLog', () => {
  const scene = new EventLogScene();

  it('lets every listener of a channel wait until the node is subscribed to it', async () => {
    const stores = scene.node();
    await following(stores);
    const { eventLog } = stores;
    const subscribed: string[] = [];
    const listeners = ['first', 'second'].map(async name => {
      await eventLog.listen('u:bob');
      subscribed.push(name);
      // From now on this node receives every event.
      const [, count] = (await scene.admin.call(
        'PUBSUB',
        'SHARDNUMSUB',
        `${LOG_KEY}:to:u:bob`,
      )) as [string, number];
      expect(count).toBe(1);
    });
    expect(subscribed).toEqual([]);
    await new Promise(process.nextTick);
    expect(subscribed).toEqual([]);
    await Promise.all(listeners);
    expect(subscribed).toEqual(['first', 'second']);
  });

  // Redis publishes to all databases.
  it('is not disturbed by events of another database', async () => {
    const nodes = ['', '/5'].map(database => scene.node({ url: scene.server.url + database }));
    const [here, there] = await Promise.all(nodes.map(following));
    for (const number of range(5)) {
      await append(nodes[0]!, `here ${number}`);
      await append(nodes[1]!, `there ${number}`);
    }
    await untilReceived(here!, 5);
    await untilReceived(there!, 5);

    expect(here!.texts).toEqual(range(5).map(number => `here ${number}`));
    expect(there!.texts).toEqual(range(5).map(number => `there ${number}`));
    expect([...here!.gaps, ...there!.gaps]).toEqual([]);
  });

  describe('after the log was lost', () => {
    it('reports a gap even if nothing is published, and continues after it', async () => {
      const stores = scene.node();
      const follower = await following(stores);
      await append(stores, 'before');
      await untilReceived(follower, 1);
      await scene.admin.flushall();
      await eventually(() => follower.gaps.length > 0);
      const [cursor] = follower.gaps;
      await append(stores, 'after');
      await untilReceived(follower, 2);
      expect(follower.texts).toEqual(['before', 'after']);
      expect(follower.gaps).toHaveLength(1);
      const page = await read(stores.eventLog, cursor, 10);
      expect(page.isGap).toBe(false);
      expect(page.entries.map(({ text }) => text)).toEqual(['after']);
    });

    it('reports the gap before later events, once per node', async () => {
      const nodes = [scene.node(), scene.node()];
      const delivered: string[][] = [[], []];
      for (const [index, { eventLog }] of nodes.entries())
        await eventLog.follow({
          entry: ({ type, text }) => type !== '' && delivered[index]!.push(text),
          gap: () => delivered[index]!.push('gap'),
        });
      await append(nodes[0]!, ...range(50));
      await eventually(() => delivered.every(({ length }) => length === 50));
      await scene.admin.flushall();
      await append(nodes[1]!, ...range(50, 50));
      await eventually(() => delivered.every(({ length }) => length === 101));
      for (const texts of delivered) expect(texts).toEqual([...range(50), 'gap', ...range(50, 50)]);
    });

    it('reports a gap even if the clock of Redis went back', async () => {
      const stores = scene.node();
      const state = { epoch: 'abcdef', last: '9999999999999-7', start: '0-0' };
      await scene.admin.hset(STATE_KEY, state);
      const follower = await following(stores);
      await append(stores, 'later');
      await untilReceived(follower, 1);
      await scene.admin.del(LOG_KEY, STATE_KEY);
      await append(stores, 'earlier');
      await untilReceived(follower, 2);
      expect(follower.texts).toEqual(['later', 'earlier']);
      expect(follower.gaps).toHaveLength(1);
    });

    it('reports a gap if the log was trimmed beyond the position of a node', async () => {
      const way = await FaultyProxy.start(scene.server.port);
      scene.finally(() => way.close());
      const follower = await following(scene.node({ url: way.url }));
      const other = scene.node({ maxEvents: 3 });
      await append(other, 'before');
      await untilReceived(follower, 1);
      way.isRefusing = true;
      way.cut();
      await append(other, ...range(10));
      way.isRefusing = false;
      await untilReceived(follower, 4);
      expect(follower.texts).toEqual(['before', '7', '8', '9']);
      expect(follower.gaps).toHaveLength(1);
    });

    it('starts a new log after a partial loss, as in a failover, so that no acknowledged event is missed silently', async () => {
      const [one, other] = [scene.node(), scene.node()];
      const cursors = await append(one, ...range(3));
      // A replica takes over without the last event, which no node has received yet.
      const [publisher = ''] = await scene.admin.keys('*:p:*');
      await scene.admin
        .multi()
        .xdel(LOG_KEY, idOf(cursors[2]!))
        .hset(STATE_KEY, 'last', idOf(cursors[1]!))
        .set(publisher, 2)
        .exec();
      const follower = await following(other);
      expect((await read(other.eventLog, cursors[1], 10)).isGap).toBe(false);
      await append(one, 'next');
      await untilReceived(follower, 1);
      expect(follower.texts).toEqual(['next']);
      expect(follower.gaps).toHaveLength(1);
      expect((await read(other.eventLog, cursors[1], 10)).isGap).toBe(true);
    });

    it('starts a new log if everything its node had published is lost', async () => {
      const [one, other] = [scene.node(), scene.node()];
      const [, last = ''] = await append(other, ...range(2));
      const [others = ''] = await scene.admin.keys('*:p:*');
      const [lost = ''] = await append(one, 'lost');
      const [ours = ''] = (await scene.admin.keys('*:p:*')).filter(key => key !== others);
      await scene.admin
        .multi()
        .xdel(LOG_KEY, idOf(lost))
        .hset(STATE_KEY, 'last', idOf(last))
        .del(ours)
        .exec();
      const follower = await following(other);
      await append(one, 'next');
      await untilReceived(follower, 1);
      expect(follower.gaps).toHaveLength(1);
    });

    it.each([
      ['public', PUBLIC, { maxEvents: 3 }],
      ['addressed', 'client:one', { maxEventsPerAudience: 3 }],
    ])('does not replace the log because it dropped an old %s event', async (_, channel, limit) => {
      const [one, other] = [scene.node(), scene.node(limit)];
      const epoch = () => scene.admin.hget(STATE_KEY, 'epoch');
      await one.eventLog.append({ channel, type: 'a.b', text: 'dropped' });
      const before = await epoch();
      for (const text of range(5)) await other.eventLog.append({ channel, type: 'a.b', text });
      await following(one);
      expect(await epoch()).toBe(before);
    });

    it('starts a new log if its node learns later events before it reports the last one that it knew', async () => {
      const [publisher, other] = [scene.node(), scene.node()];
      const [before] = await append(publisher, 'before');
      const batch = {
        generation: 0,
        run: ({ lua }: Script, keys: string[], args: (string | number)[]) =>
          scene.admin.eval(lua, keys.length, ...keys, ...args),
      };
      const keys = new EventLogKeys(LOG_KEY);
      const newEpoch = () => 'aaaaaa';
      const reader = new EventLogReader(batch as unknown as ScriptBatch, keys, 'node', newEpoch);
      const [lost] = await append(publisher, 'lost');
      const { epoch } = await reader.read([PUBLIC], undefined, 10);

      // A replica without the last event takes over, and another node publishes.
      await scene.admin.xdel(LOG_KEY, idOf(lost!));
      await scene.admin.hset(STATE_KEY, 'last', idOf(before!));
      batch.generation++;
      await append(other, 'later');
      expect((await reader.read([PUBLIC], undefined, 10)).epoch).toBe(epoch);
      expect(await reader.tick(1)).toMatch(/^aaaaaa\./);
      expect(await reader.tick(1)).toMatch(/^aaaaaa\./);
    });

    it('does not replace the log a second time because a node has published before', async () => {
      const [one, other] = [scene.node(), scene.node()];
      await append(one, 'before');
      await scene.admin.flushall();
      const [cursor] = await append(other, 'after');
      await append(one, 'next');
      expect((await read(other.eventLog, cursor, 10)).isGap).toBe(false);
    });
  });

  it('continues after an invalid entry and after a follower that throws', async () => {
    const stores = scene.node();
    const delivered: string[] = [];
    const follower: LogFollower = {
      entry: ({ type, text }) => {
        if (text === 'bad') throw new Error('cannot be told');
        if (type !== '') delivered.push(text);
      },
      gap: () => {
        throw new Error('cannot be told');
      },
    };
    await stores.eventLog.follow(follower);
    await append(stores, 'bad', 'good');
    for (const surprise of ['', 'x', '\n', 'abcdef x y\n{}'])
      await scene.admin.spublish(LOG_KEY, surprise);
    await append(stores, 'better');
    await eventually(() => delivered.length === 2);
    expect(delivered).toEqual(['good', 'better']);
    await scene.admin.flushall();
    await append(stores, 'best');
    await eventually(() => delivered.includes('best'));
  });

  it('lets sockets and timers run between batches of entries', async () => {
    const [one, other] = [scene.node(), scene.node()];
    let turns = 0;
    let delivered = 0;
    const perTurn = new Map<number, number>();
    const turn = () => {
      turns++;
      if (delivered < 1_000) setImmediate(turn);
    };
    await other.eventLog.follow({
      entry: () => {
        delivered++;
        perTurn.set(turns, (perTurn.get(turns) ?? 0) + 1);
      },
      gap: () => undefined,
    });
    turn();
    await append(one, ...range(1_000));
    await eventually(() => delivered >= 1_000);
    expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(16);
  });

  it('reads pages with a limited number of entries and characters, whatever the request', async () => {
    const stores = scene.node();
    await append(stores, ...range(8).map(text => text.padEnd(60_000)));
    const large = await read(stores.eventLog, undefined, 1_000);
    expect(large).toMatchObject({ isEnd: false, entries: { length: 5 } });
    await append(stores, ...range(1_100));
    const many = await read(stores.eventLog, large.cursor, 100_000);
    expect(many).toMatchObject({ isEnd: false, entries: { length: 1_000 } });
  });

  it('opens no connection and writes no key before it is used', async () => {
    const clients = async () => (await scene.connections()).length;
    // Connections of earlier tests may still be closing. Only those of this test remain.
    while ((await clients()) > 1) await pause(10);
    const before = 1;
    const stores = scene.node();
    await stores.rateLimitStore.refund('key', { interval: 1, fillTime: 1 }, 1).catch(() => 0);
    expect(await clients()).toBe(before + 1);
    expect(await scene.admin.exists(LOG_KEY)).toBe(0);
    await following(stores);
    for (let look = 0; look < 1_000 && (await clients()) < before + 2; look++) await pause(10);
    expect(await clients()).toBe(before + 2);
    await stores.close();
    for (let look = 0; look < 1_000 && (await clients()) > before; look++) await pause(10);
    expect(await clients()).toBe(before);
  });
});
