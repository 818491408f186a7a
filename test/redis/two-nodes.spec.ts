import type { Redis } from 'ioredis';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { tokenBucket } from '../../lib/rate-limit/index.js';
import { pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const BUCKET = tokenBucket({ rate: 1, per: 60_000, burst: 3 });
const soon = () => Date.now() + 60_000;

describeWithRedis('two nodes on one Redis', () => {
  let server: RedisServer;
  let admin: Redis;
  let nodes: RedisStores[];
  let [a]: RedisStores[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });

  beforeEach(async () => {
    nodes = [1, 2].map(() =>
      redisStores({ url: server.url, clockDrift: 20, commandTimeout: 5_000 }),
    );
    [a] = nodes;
    await Promise.all(nodes.map(node => node.nonceStore.use(`warm-${Math.random()}`, soon())));
  });

  afterEach(async () => {
    await Promise.all(nodes.map(node => node.close()));
    await admin.flushall();
  });

  afterAll(async () => {
    await server.close();
  });

  /** Asks in the order of the guards: first the limit, then the nonce. */
  const admit = async (node: RedisStores, key: string, nonce: string, bucket = BUCKET) => {
    const decision = await node.rateLimitStore.take(key, bucket, 1);
    return { isNew: decision.allowed && (await node.nonceStore.use(nonce, soon())), ...decision };
  };

  it('accept each of 1,000 nonces exactly once if used on both at once', async () => {
    const uses = Array.from({ length: 1_000 }, (_, nonce) =>
      nodes.map(node => node.nonceStore.use(`nonce-${nonce}`, soon())),
    );
    const passed = (await Promise.all(uses.flat())).filter(Boolean);
    expect(passed).toHaveLength(1_000);
    for (const [first, second] of uses) expect((await first) !== (await second)).toBe(true);
  });

  it('allow what one bucket holds, and never 2 % more', async () => {
    const limit = { rate: 100, burst: 100 };
    const bucket = tokenBucket(limit);
    const start = performance.now();
    let passed = 0;
    while (performance.now() - start < 1_500) {
      // Several at a time, so that a busy machine still requests enough to get everything.
      const takes = Array.from({ length: 20 }, async (_, at) =>
        nodes[at % 2]!.rateLimitStore.take('hammered', bucket, 1),
      );
      for (const { allowed } of await Promise.all(takes)) if (allowed) passed++;
      await pause(0);
    }
    const expected = limit.burst + (limit.rate * (performance.now() - start)) / 1_000;
    // bench/two-nodes.js measures how close it is.
    expect(passed).toBeGreaterThan(expected * 0.5);
    expect(passed).toBeLessThanOrEqual(expected * 1.02);
  });

  it('send the requests of concurrent events to Redis together', async () => {
    const reads = async () =>
      Number(/total_reads_processed:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const roomy = tokenBucket({ rate: 1_000 });
    const before = await reads();
    await Promise.all(
      Array.from({ length: 200 }, (_, event) => admit(a!, `k-${event}`, `n-${event}`, roomy)),
    );
    // One write is read in chunks of 16 KiB. Leases and this query are read, too.
    expect((await reads()) - before).toBeLessThan(40);
  });

  it('do not call Redis for a key that is known to be out of tokens', async () => {
    await a!.rateLimitStore.take('key', BUCKET, 3);
    await a!.rateLimitStore.take('key', BUCKET, 1);
    for (let flood = 0; flood < 1_000; flood++) {
      // Without a promise there was no call.
      const refusal = a!.rateLimitStore.take('key', BUCKET, 1);
      expect(refusal).toMatchObject({ allowed: false, remaining: 0 });
    }
    await a!.rateLimitStore.refund('key', BUCKET, 1);
    expect((await a!.rateLimitStore.take('key', BUCKET, 1)).allowed).toBe(true);
  });

  it('store only keys that expire, except the name of the memory', async () => {
    await admit(a!, 'key', 'nonce');
    await a!.connectionStore.acquire([{ key: 'all', limit: 5 }]);
    const keys = await admin.keys('*');
    expect(keys.length).toBeGreaterThan(4);
    for (const key of keys) {
      expect(key).toMatch(/^semantic-events:/);
      if (!key.endsWith('memory')) expect(await admin.pttl(key)).toBeGreaterThan(0);
    }
  });

  it('store a nonce longer than it lives, for nodes whose clocks are behind', async () => {
    await a!.nonceStore.use('nonce', Date.now() + 1_000);
    const [key] = await admin.keys('*:n::nonce');
    const ttl = await admin.pttl(key!);
    expect(ttl).toBeGreaterThan(1_900);
    expect(ttl).toBeLessThanOrEqual(2_021);
  });

  it('continue after the scripts are flushed', async () => {
    await admin.script('FLUSH');
    const answers = Array.from({ length: 20 }, (_, event) => admit(a!, `k-${event}`, `n-${event}`));
    for (const { isNew } of await Promise.all(answers)) expect(isNew).toBe(true);
  });
});
