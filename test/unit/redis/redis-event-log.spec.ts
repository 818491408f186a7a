import { SystemClock } from '../../../lib/clock.js';
import { MAX_UNSTORED, RedisEventLog } from '../../../lib/redis/redis-event-log.js';
import type { RedisLink, RedisReply } from '../../../lib/redis/redis-link.js';
import { ScriptBatch } from '../../../lib/redis/script-batch.js';
import { append, LOG_LIMITS } from '../../helpers/event-logs.js';

describe('RedisEventLog', () => {
  it('rejects events while too many wait for an answer, and accepts them again after', async () => {
    const waiting: ((replies: RedisReply[]) => void)[] = [];
    const link = {
      client: { isCluster: false, options: { db: 0 } },
      exchange: () => new Promise<RedisReply[]>(resolve => waiting.push(resolve)),
      onUp: () => undefined,
    } as unknown as RedisLink;
    const options = { ...LOG_LIMITS, node: 'node', lease: 15_000, commandTimeout: 1_000 };
    const log = new RedisEventLog(
      link,
      new ScriptBatch(link),
      'events',
      new SystemClock(),
      options,
    );

    const appended = Array.from({ length: MAX_UNSTORED }, () => append(log, 'a.b', '{}'));
    await expect(append(log, 'a.b', '{}')).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(waiting).toHaveLength(MAX_UNSTORED);

    waiting[0]?.([[null, ['abcdef', '1-1']]]);
    expect(await appended[0]).toBe('abcdef.1-1');
    const next = append(log, 'a.b', '{}');
    waiting.at(-1)?.([[null, ['abcdef', '1-2']]]);
    expect(await next).toBe('abcdef.1-2');
  });
});
