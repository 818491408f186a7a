import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { tokenBucket } from '../../lib/rate-limit/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';

/** In which every node must be heard, on a busy machine as well. */
const SETTLE = 1_000;
const BUCKET = tokenBucket({ rate: 1_000 });
const HOUR = 3_600_000;

/** A clock that is an hour ahead, as all of an application may be. */
class FastClock extends SystemClock {
  override now(): number {
    return super.now() + HOUR;
  }
}

interface Node {
  readonly stores: RedisStores;
  readonly client: Redis;
}

describeWithRedis('a Redis that has lost its memory', () => {
  let server: RedisServer;
  let admin: Redis;
  let open: RedisStores[];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    await admin.flushall();
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map(stores => stores.close()));
  });

  afterAll(async () => {
    await server.close();
  });

  const fresh = (options = {}): Node => {
    const client = server.client();
    const stores = redisStores({ client, settleTime: SETTLE, commandTimeout: 5_000, ...options });
    open.push(stores);
    return { stores, client };
  };
  const running = async (options = {}) => {
    const node = fresh(options);
    await node.stores.ready();
    return node;
  };
  /** What others see of a node that is frozen, or has lost the way to Redis. */
  const cutOff = async ({ client, stores }: Node) => {
    client.disconnect();
    while (stores.health().status === 'up') await pause(1);
  };
  const isBack = async ({ client, stores }: Node) => {
    await client.connect();
    while (stores.health().status === 'down') await pause(1);
    await stores.ready();
  };
  /** As an event of a trusted producer, or a ticket, is used. */
  const use = ({ stores }: Node, key: string, madeAt?: number) =>
    stores.nonceStore
      .use(key, Date.now() + 2 * HOUR, madeAt)
      .then(isNew => (isNew ? 'accepted' : 'known'))
      .catch((error: unknown) => (error as { code: string }).code);
  const useIf = async ({ stores }: Node, key: string, madeAt?: number) => {
    const decided = Promise.resolve(stores.rateLimitStore.take('key', BUCKET, 1));
    const limit = { asked: decided, decided };
    return stores.nonceStore
      .useNonceIf('key', key, Date.now() + 60_000, limit, madeAt)
      .then(isNew => (isNew ? 'accepted' : 'known'))
      .catch((error: unknown) => (error as { code: string }).code);
  };
  /** The first answer that is not that the nodes are still at it. */
  const settled = async (node: Node, key: string, madeAt?: number) => {
    for (let tries = 0; tries < 2_000; tries++) {
      const answer = await use(node, key, madeAt);
      if (answer !== 'REDIS_UNAVAILABLE') return answer;
      await pause(10);
    }
    return 'never';
  };
  /** A node that was told the age of a memory late takes it for younger than it is, by so much. */
  const acceptsNew = async (node: Node, clock = new SystemClock()) => {
    while ((await use(node, `new-${Math.random()}`, clock.now())) !== 'accepted') await pause(5);
  };

  describe('asked by a node that has just started', () => {
    it('accepts nothing that only an idle node remembers', async () => {
      const idle = await running();
      expect(await use(idle, 'nonce')).toBe('accepted');
      await admin.flushall();
      expect(await settled(fresh(), 'nonce')).toBe('known');
    });

    it('accepts nothing that a node remembers that takes longer to reach it', async () => {
      const late = await running();
      expect(await use(late, 'nonce')).toBe('accepted');
      await cutOff(late);
      await admin.flushall();
      const answers = [1, 2, 3].map(async () => settled(fresh(), 'nonce'));
      await pause(SETTLE / 2);
      await isBack(late);
      expect(await Promise.all(answers)).toEqual(['known', 'known', 'known']);
    });

    it('accepts nothing that was made before, where nobody is left to remember it', async () => {
      const gone = await running();
      const madeAt = Date.now();
      expect(await use(gone, 'nonce', madeAt)).toBe('accepted');
      await gone.stores.close();
      await admin.flushall();
      const node = await running();
      expect(await use(node, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
      expect(await use(node, 'new', Date.now())).toBe('accepted');
    });
  });

  describe('while a node is away for longer than it takes to settle', () => {
    let here: Node;
    let away: Node;
    let madeAt: number;

    beforeEach(async () => {
      here = await running();
      away = await running();
      madeAt = Date.now();
      expect(await use(away, 'nonce', madeAt)).toBe('accepted');
      expect(await use(away, 'ahead', madeAt + SETTLE)).toBe('accepted');
      await cutOff(away);
      await admin.flushall();
    });

    it('accepts nothing that only that one remembers', async () => {
      expect(await settled(here, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
      expect(await useIf(here, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
      const other = await running();
      expect(await use(other, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
    });

    it('accepts nothing whose maker’s clock was ahead by up to the time to settle', async () => {
      expect(await settled(here, 'ahead', madeAt + SETTLE)).toBe('EVENT_EXPIRED');
      expect(await useIf(here, 'ahead', madeAt + SETTLE)).toBe('EVENT_EXPIRED');
    });

    it('accepts what is made now as soon as it has settled', async () => {
      const elapsed = stopwatch();
      await acceptsNew(here);
      expect(elapsed()).toBeLessThan(3 * SETTLE);
      expect(await useIf(here, 'also new', Date.now())).toBe('accepted');
    });

    it('accepts what can have been used on the same node only, however old', async () => {
      expect(await settled(here, 'of a session key', Infinity)).toBe('accepted');
      expect(await useIf(here, 'of another', Infinity)).toBe('accepted');
      expect(await use(here, 'of who knows what')).toBe('accepted');
    });

    it('learns what was used when that one is back, which holds nobody up', async () => {
      await acceptsNew(here);
      const back = isBack(away);
      for (let event = 0; event < 50; event++) {
        expect(await use(here, `new-${event}`, Date.now())).toBe('accepted');
        await pause(1);
      }
      await back;
      let answer = '';
      for (let look = 0; look < 1_000 && answer !== 'known'; look++) {
        answer = await use(here, 'nonce', madeAt);
        expect(['known', 'EVENT_EXPIRED']).toContain(answer);
      }
      expect(answer).toBe('known');
      expect(await use(away, 'nonce', madeAt)).toBe('known');
    });
  });

  it('is told apart by its age, not by its clock or that of the nodes', async () => {
    const clock = new FastClock();
    const [here, away] = [await running({ clock }), await running({ clock })];
    expect(await use(away, 'nonce', clock.now())).toBe('accepted');
    const madeAt = clock.now();
    await cutOff(away);
    await admin.flushall();
    expect(await settled(here, 'nonce', madeAt)).toBe('EVENT_EXPIRED');
    const elapsed = stopwatch();
    await acceptsNew(here, clock);
    expect(elapsed()).toBeLessThan(3 * SETTLE);
  });

  it('is none to a node that joins others: what was made before it started is accepted', async () => {
    await running();
    // A node that is told late how old the memory is takes it for younger.
    await pause(2_000);
    const madeAt = Date.now();
    await pause(30);
    expect(await use(await running(), 'nonce', madeAt)).toBe('accepted');
  });

  it('is told of what could be accepted again first, and not of what only one node can use', async () => {
    const node = await running();
    const other = await running();
    const madeAt = Date.now();
    for (let old = 0; old < 1_500; old++) void use(node, `old-${old}`, madeAt);
    expect(await use(node, 'of a session key', Infinity)).toBe('accepted');
    expect(await use(node, 'ahead', madeAt + HOUR)).toBe('accepted');
    expect(await use(node, 'undated')).toBe('accepted');
    await admin.flushall();
    expect(await settled(other, 'ahead', madeAt + HOUR)).toBe('known');
    expect(await use(other, 'undated')).toBe('known');
    expect(await use(node, 'of a session key', Infinity)).toBe('known');
    const told = () => admin.keys('*{se}:n:*');
    while ((await told()).filter(key => key.includes('old-')).length < 1_500) await pause(20);
    expect((await told()).filter(key => key.includes('session'))).toEqual([]);
  });

  it('forgets nothing that it loses over and over', async () => {
    const nodes = [await running(), await running()];
    const keys = Array.from({ length: 50 }, (_, nonce) => `nonce-${nonce}`);
    for (const [index, key] of keys.entries())
      expect(await use(nodes[index % 2]!, key)).toBe('accepted');
    for (let loss = 0; loss < 5; loss++) {
      await admin.flushall();
      await pause(SETTLE / 4);
    }
    for (const [index, key] of keys.entries())
      expect(await settled(nodes[(index + 1) % 2]!, key)).toBe('known');
  });

  it('has a start wait for it to settle, and no longer than it takes to see that it is away', async () => {
    const start = performance.now();
    const node = await running();
    expect(await use(node, 'nonce', Date.now())).toBe('accepted');
    expect(performance.now() - start).toBeGreaterThanOrEqual(SETTLE);
    const again = stopwatch();
    await running();
    expect(again()).toBeLessThan(SETTLE);
    const stores = redisStores({ url: 'redis://127.0.0.1:1', commandTimeout: 100 });
    open.push(stores);
    const away = stopwatch();
    await stores.ready();
    expect(away()).toBeLessThan(1_000);
  });
});
