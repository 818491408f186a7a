import { SystemClock } from '../../../lib/clock.js';
import { MAX_UNSTORED, RedisEventLog } from '../../../lib/redis/redis-event-log.js';
import { RedisKeys } from '../../../lib/redis/redis-keys.js';
import type { RedisLink, RedisReply } from '../../../lib/redis/redis-link.js';
import { ScriptBatch } from '../../../lib/redis/script-batch.js';

describe('RedisEventLog', () => {
  it('refuses events while too many wait for an answer, and takes them again after', async () => {
    const waiting: ((replies: RedisReply[]) => void)[] = [];
    const link = {
      exchange: () => new Promise<RedisReply[]>(resolve => waiting.push(resolve)),
    } as unknown as RedisLink;
    const options = { node: 'node', maxEvents: 10, commandTimeout: 1_000 };
    const keys = new RedisKeys('');
    const log = new RedisEventLog(link, new ScriptBatch(link), keys, new SystemClock(), options);

    const appended = Array.from({ length: MAX_UNSTORED }, () => log.append('a.b', '{}'));
    await expect(log.append('a.b', '{}')).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(waiting).toHaveLength(MAX_UNSTORED);

    waiting[0]?.([[null, '1-1']]);
    expect(await appended[0]).toBe('1-1');
    const next = log.append('a.b', '{}');
    waiting.at(-1)?.([[null, '1-2']]);
    expect(await next).toBe('1-2');
  });
});
