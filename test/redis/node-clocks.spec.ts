import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { NodeClocks } from '../../lib/redis/node-clocks.js';
import { RedisKeys } from '../../lib/redis/redis-keys.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { batchWithOffset, OffClock } from '../helpers/redis-time.js';

const DRIFT = 100;

describeWithRedis('node clocks', () => {
  let server: RedisServer;
  let redis: Redis;
  /** The offset of the clock of Redis from that of the machine. */
  let jump = 0;
  let prefixes = 0;

  beforeAll(async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    server = await RedisServer.start();
    redis = server.client();
  });

  afterAll(async () => {
    await server.close();
  });

  const start = (...offsets: number[]) => {
    const keys = new RedisKeys(`${prefixes++}:`);
    const batch = batchWithOffset(redis, () => jump);
    return offsets.map(
      (offset, node) =>
        new NodeClocks(batch, keys, new OffClock(offset), {
          node: `${node}`,
          clockDrift: DRIFT,
        }),
    );
  };
  const compare = async (nodes: NodeClocks[], seen = new Set<string | undefined>()) => {
    for (let round = 0; round < 3; round++)
      for (const node of nodes) {
        await node.compare();
        seen.add(node.problem && 'off');
        await pause(2);
      }
    return seen;
  };

  it.each([200, -200, 1_500, -1_500, 3_000, -3_000, 3_600_000, -3_600_000])(
    'raise no alarm if the clock of Redis jumps by %d ms',
    async by => {
      const nodes = start(0, 10);
      await compare(nodes);
      jump += by;
      expect(await compare(nodes)).toEqual(new Set([undefined]));
      jump -= by;
      expect(await compare(nodes)).toEqual(new Set([undefined]));
    },
  );

  it.each([250, -250, 3_600_000, -3_600_000])(
    'raise an alarm on a node whose clock is off, and keep it while the clock of Redis jumps by %d ms',
    async by => {
      const [right, second, wrong] = start(0, 0, 5_000) as [NodeClocks, NodeClocks, NodeClocks];
      await compare([right, second, wrong]);
      expect([right.problem, second.problem]).toEqual([undefined, undefined]);
      expect(wrong.problem).toMatch(/off the others/);
      jump += by;
      const seen = await compare([wrong]);
      expect(await compare([right, second])).toEqual(new Set([undefined]));
      expect(await compare([wrong], seen)).toEqual(new Set(['off']));
      jump -= by;
    },
  );
});
