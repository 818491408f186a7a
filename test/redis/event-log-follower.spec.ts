import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { BEGINNING } from '../../lib/mesh/cursor.js';
import { EventLogFollower } from '../../lib/redis/event-log-follower.js';
import { EventLogKeys } from '../../lib/redis/event-log-keys.js';
import type { EventLogReader } from '../../lib/redis/event-log-reader.js';
import { eventually } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const MEBIBYTE = 1_048_576;

describeWithRedis('the follower of an event log', () => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = server.client();
  });

  afterAll(async () => {
    await server.close();
  });

  /** Returns the ids of the connections that receive events. */
  const subscribers = async () =>
    String(await redis.client('LIST'))
      .split('\n')
      .filter(line => / s?sub=[1-9]/.test(line))
      .map(line => line.split(' ')[0]);

  it('keeps at most 32 Mi characters of messages while it reads missed events', async () => {
    const keys = new EventLogKeys('{a}:events');
    // The end of the log is never known, so every message has to wait.
    const reader = { onLoss: () => undefined, tick: () => new Promise(() => undefined) };
    const follower = new EventLogFollower(
      redis,
      keys,
      reader as unknown as EventLogReader,
      { entry: () => undefined, gap: () => undefined },
      new SystemClock(),
      5_000,
      BEGINNING,
    );
    follower.start();
    try {
      await eventually(async () => (await subscribers()).length === 1);
      const [first] = await subscribers();
      const text = 'x'.repeat(MEBIBYTE);
      const publish = (number: number) =>
        redis.call('SPUBLISH', keys.events, `abcdef ${number}-0 a.b\n${text}`);
      for (let sent = 1; sent <= 32; sent++) await publish(sent);
      expect(await subscribers()).toEqual([first]);
      await publish(33);
      await publish(34);
      await eventually(async () => {
        const [next] = await subscribers();
        return next !== undefined && next !== first;
      });
    } finally {
      await follower.close();
    }
  });
});
