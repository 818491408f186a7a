import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { tokenBucket } from '../../lib/rate-limit/index.js';
import { type RedisStores, redisStores } from '../../lib/redis/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';

const BUCKET = tokenBucket({ rate: 1_000, exact: true });
const MINUTE = 60_000;
const SCRIPTS = new Set(['eval', 'evalsha', 'xadd', 'xrange']);
/** How Redis before version 7 reports an error inside a script. */
const inScript = (error: string) =>
  `ERR Error running script (call to f_5f): @user_script:2: @user_script: 2: -${error}`;

const LOADING = 'LOADING Redis is loading the dataset in memory';
const READONLY = "READONLY You can't write against a read only replica.";
const NOREPLICAS = 'NOREPLICAS Not enough good replicas to write.';
const MISCONF = 'MISCONF Redis is configured to save RDB snapshots, but it is unable to persist';
const REPLIES = [
  LOADING,
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  READONLY,
  inScript(READONLY),
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  MISCONF,
  inScript(MISCONF),
  NOREPLICAS,
  inScript(NOREPLICAS),
  "OOM command not allowed when used memory > 'maxmemory'.",
  'CLUSTERDOWN The cluster is down',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MOVED 1 127.0.0.1:1',
  'NOAUTH Authentication required.',
  'ERR max number of clients reached',
];

describeWithRedis('an error reply of Redis', () => {
  let server: RedisServer;
  let client: Redis;
  let stores: RedisStores;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    client = server.client();
    stores = redisStores({ client, clockDrift: 20, commandTimeout: 2_000 });
    await stores.ready();
  });

  afterEach(async () => {
    await stores.close();
    jest.restoreAllMocks();
  });

  afterAll(async () => {
    await server.close();
  });

  /** Answers scripts by an error, until the returned function is called. */
  const refuse = (message: string) => {
    const { sendCommand } = client;
    client.sendCommand = function (this: Redis, command, stream) {
      if (!SCRIPTS.has(command.name)) return sendCommand.call(this, command, stream);
      command.reject(Object.assign(new Error(message), { name: 'ReplyError' }));
      return command.promise;
    };
    return () => {
      client.sendCommand = sendCommand;
    };
  };

  /** Calls every store. No call may return a decision. */
  const expectOutage = async (nonce: string, madeAt: number) => {
    const { nonceStore, rateLimitStore, connectionStore, revocationBus, roomStore, eventLog } =
      stores;
    const answers = await Promise.allSettled(
      [
        () => nonceStore.use(nonce, madeAt + MINUTE, madeAt),
        () => rateLimitStore.take('key', BUCKET, 1),
        () => connectionStore.acquire([{ key: 'all', limit: 9 }]),
        () => connectionStore.count('all'),
        () => revocationBus.loggedOutAt('user', 'alice'),
        () => roomStore.count('room'),
        () => eventLog.append({ channel: '', type: 'a', text: '{}' }),
      ].map(async ask => ask()),
    );
    for (const [index, answer] of answers.entries())
      expect({ index, answer }).toMatchObject({
        answer: {
          status: 'rejected',
          reason: { code: expect.stringMatching(/^(REDIS_)?UNAVAILABLE$/) },
        },
      });
  };

  /** Waits until the nonce of a refused event can be used, and expects that it can be used once. */
  const expectAcceptedOnce = async (nonce: string, madeAt: number) => {
    const use = () => stores.nonceStore.use(nonce, madeAt + MINUTE, madeAt);
    await eventually(() => use().catch(() => false));
    expect(await use()).toBe(false);
  };

  it.each(REPLIES)('is an outage, never a decision: %s', async message => {
    const madeAt = Date.now();
    const end = refuse(message);
    await expectOutage(message, madeAt);
    end();
    await expectAcceptedOnce(message, madeAt);
    await eventually(() => stores.health().status === 'up');
  });

  it.each<[string, (admin: Redis) => Promise<() => Promise<unknown>>]>([
    [
      'too few replicas',
      async admin => {
        await admin.config('SET', 'min-replicas-to-write', 1);
        return () => admin.config('SET', 'min-replicas-to-write', 0);
      },
    ],
    [
      'a read-only replica',
      async admin => {
        await admin.replicaof('127.0.0.1', 1);
        return () => admin.replicaof('NO', 'ONE');
      },
    ],
    [
      'a replica without its primary',
      async admin => {
        await admin.config('SET', 'replica-serve-stale-data', 'no');
        await admin.replicaof('127.0.0.1', 1);
        return () => admin.replicaof('NO', 'ONE');
      },
    ],
    [
      'a script that runs on and on',
      async admin => {
        await admin.config('SET', 'lua-time-limit', 1);
        admin
          .duplicate()
          .eval('while true do end', 0)
          .catch(() => undefined);
        await pause(50);
        return () => admin.script('KILL');
      },
    ],
  ])('comes of %s, and the event is accepted once afterwards', async (nonce, begin) => {
    const madeAt = Date.now();
    const end = await begin(server.client());
    await expectOutage(nonce, madeAt);
    await end();
    await expectAcceptedOnce(nonce, madeAt);
  });
});
