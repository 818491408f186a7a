import { replyProblem } from '../../../lib/redis/reply-errors.js';

describe('replyProblem', () => {
  it('does not repeat what was sent', () => {
    const text = "ERR unknown command 'evalsha', with args beginning with: 'canary' '1' 'canary'";
    expect(replyProblem(new Error(text))).toBe("ERR unknown command 'evalsha'");
  });

  it('says what to do if the server belongs to a cluster', () => {
    expect(replyProblem(new Error('MOVED 10721 127.0.0.1:7002'))).toBe(
      'MOVED 10721 127.0.0.1:7002: it belongs to a cluster, so pass a Cluster of ioredis as redisStores.client',
    );
  });
});
