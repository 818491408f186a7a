import { RedisKeys } from '../../../lib/redis/redis-keys.js';
import { RedisRoomStore } from '../../../lib/redis/redis-room-store.js';
import type { ScriptBatch } from '../../../lib/redis/script-batch.js';
import { eventually } from '../../helpers/eventually.js';

describe('RedisRoomStore', () => {
  it('renews the rooms of a node in batches, so that other calls to Redis do not wait for all of them', async () => {
    const waiting: (() => void)[] = [];
    const renewed = new Set<string>();
    let isRenewing = false;
    const run = (_script: unknown, [key = '']: readonly string[]) => {
      if (!isRenewing) return Promise.resolve([1, [], []]);
      return new Promise(resolve => {
        waiting.push(() => {
          renewed.add(key);
          resolve([1, [], []]);
        });
      });
    };
    const batch = { run } as unknown as ScriptBatch;
    const store = new RedisRoomStore(batch, new RedisKeys('test'), { node: 'a', lease: 30 });
    for (let n = 0; n < 500; n++) await store.enter(`room ${n}`, 'c', 'alice');
    isRenewing = true;
    let most = 0;
    await eventually(() => {
      most = Math.max(most, waiting.length);
      for (const answer of waiting.splice(0)) answer();
      return renewed.size === 500;
    });
    expect(most).toBe(64);
    isRenewing = false;
    for (const answer of waiting.splice(0)) answer();
    await store.close();
  });
});
