import type { LogFollower } from '../../lib/mesh/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis } from '../helpers/redis-server.js';
import { append, EventLogScene, following, heard, LOG_KEY, range } from './event-log-scene.js';

describeWithRedis('the log of events on Redis', () => {
  const scene = new EventLogScene();

  describe('that is gone', () => {
    it('is told of as a gap, though nothing is published, and can be gone on from', async () => {
      const stores = scene.node();
      const follower = await following(stores);
      await append(stores, 'before');
      await heard(follower, 1);
      await scene.admin.flushall();
      await eventually(() => follower.gaps.length > 0);
      const [cursor] = follower.gaps;
      await append(stores, 'after');
      await heard(follower, 2);
      expect(follower.texts).toEqual(['before', 'after']);
      expect(follower.gaps).toHaveLength(1);
      const page = await stores.eventLog.read(cursor, 10);
      expect(page.isGap).toBe(false);
      expect(page.entries.map(({ text }) => text)).toEqual(['after']);
    });

    it('is told of as a gap before anything that came after, once for every node', async () => {
      const nodes = [scene.node(), scene.node()];
      const told: string[][] = [[], []];
      for (const [index, { eventLog }] of nodes.entries())
        await eventLog.follow({
          entry: ({ type, text }) => type !== '' && told[index]!.push(text),
          gap: () => told[index]!.push('gap'),
        });
      await append(nodes[0]!, ...range(50));
      await eventually(() => told.every(({ length }) => length === 50));
      await scene.admin.flushall();
      await append(nodes[1]!, ...range(50, 50));
      await eventually(() => told.every(({ length }) => length === 101));
      for (const texts of told) expect(texts).toEqual([...range(50), 'gap', ...range(50, 50)]);
    });

    it('is told of where the clock of Redis went back, too', async () => {
      const stores = scene.node();
      await scene.admin.xadd(LOG_KEY, '99999999999999-7', 'type', 'a.b', 'text', 'late');
      const follower = await following(stores);
      await append(stores, 'later');
      await heard(follower, 1);
      await scene.admin.del(LOG_KEY);
      await append(stores, 'earlier');
      await heard(follower, 2);
      expect(follower.texts).toEqual(['later', 'earlier']);
      expect(follower.gaps).toHaveLength(1);
    });

    it('is told of when it was cut behind the place of a node', async () => {
      const stores = scene.node();
      const follower = await following(stores);
      await append(stores, 'before');
      await heard(follower, 1);
      const lua = `for n = 0, 9 do redis.call('XADD', KEYS[1], '*', 'type', 'a.b', 'text', n) end
        return redis.call('XTRIM', KEYS[1], 'MAXLEN', 3)`;
      await scene.admin.eval(lua, 1, LOG_KEY);
      await heard(follower, 4);
      expect(follower.texts).toEqual(['before', '7', '8', '9']);
      expect(follower.gaps).toEqual(['0-0']);
    });

    it('in part, as by a failover, is given up: nobody misses unawares what was acknowledged', async () => {
      const [one, other] = [scene.node(), scene.node()];
      const cursors = await append(one, ...range(3));
      // A replica takes over that has not heard of the last event, which no node was told of yet.
      const [publisher = ''] = await scene.admin.keys('*:p:*');
      await scene.admin.multi().xdel(LOG_KEY, cursors[2]!).set(publisher, 2).exec();
      const follower = await following(other);
      expect((await other.eventLog.read(cursors[1], 10)).isGap).toBe(false);
      await append(one, 'next');
      await heard(follower, 1);
      expect(follower.texts).toEqual(['next']);
      expect(follower.gaps).toHaveLength(1);
      expect((await other.eventLog.read(cursors[1], 10)).isGap).toBe(true);
    });

    it('in part, with all that its node had published, is given up, too', async () => {
      const [one, other] = [scene.node(), scene.node()];
      await append(other, ...range(2));
      const [others = ''] = await scene.admin.keys('*:p:*');
      const [lost = ''] = await append(one, 'lost');
      const [ours = ''] = (await scene.admin.keys('*:p:*')).filter(key => key !== others);
      await scene.admin.multi().xdel(LOG_KEY, lost).del(ours).exec();
      const follower = await following(other);
      await append(one, 'next');
      await heard(follower, 1);
      expect(follower.gaps).toHaveLength(1);
    });

    it('wholly is not given up a second time by who has published before', async () => {
      const [one, other] = [scene.node(), scene.node()];
      await append(one, 'before');
      await scene.admin.flushall();
      const [cursor] = await append(other, 'after');
      await append(one, 'next');
      expect((await other.eventLog.read(cursor, 10)).isGap).toBe(false);
    });
  });

  it('is told on, whatever is in it and whatever a follower throws', async () => {
    const stores = scene.node();
    const told: string[] = [];
    const follower: LogFollower = {
      entry: ({ type, text }) => {
        if (text === 'bad') throw new Error('cannot be told');
        if (type !== '') told.push(text);
      },
      gap: () => {
        throw new Error('cannot be told');
      },
    };
    await stores.eventLog.follow(follower);
    await append(stores, 'bad', 'good');
    await scene.admin.xadd(LOG_KEY, '*', 'surprise', '1');
    await append(stores, 'better');
    await eventually(() => told.length === 3);
    expect(told).toEqual(['good', '', 'better']);
    await scene.admin.flushall();
    await append(stores, 'best');
    await eventually(() => told.includes('best'));
  });

  it('leaves sockets and timers their turn while much is told', async () => {
    const [one, other] = [scene.node(), scene.node()];
    let turns = 0;
    let told = 0;
    const perTurn = new Map<number, number>();
    const turn = () => {
      turns++;
      if (told < 1_000) setImmediate(turn);
    };
    await other.eventLog.follow({
      entry: () => {
        told++;
        perTurn.set(turns, (perTurn.get(turns) ?? 0) + 1);
      },
      gap: () => undefined,
    });
    turn();
    await append(one, ...range(1_000));
    await eventually(() => told >= 1_000);
    expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(16);
  });

  it('is read in pages that are bounded in entries and characters, whatever is asked for', async () => {
    const stores = scene.node();
    await append(stores, ...range(8).map(text => text.padEnd(60_000)));
    const large = await stores.eventLog.read(undefined, 1_000);
    expect(large).toMatchObject({ isEnd: false, entries: { length: 5 } });
    await append(stores, ...range(1_100));
    const many = await stores.eventLog.read(large.cursor, 100_000);
    expect(many).toMatchObject({ isEnd: false, entries: { length: 1_000 } });
  });

  it('costs no connection and no key until somebody uses it', async () => {
    const clients = async () => (await scene.connections()).length;
    // Those of the tests before may be a while in going: what is left is the test's own.
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
