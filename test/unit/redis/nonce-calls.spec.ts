import { NonceCalls } from '../../../lib/redis/nonce-calls.js';
import { RedisKeys } from '../../../lib/redis/redis-keys.js';
import { RedisUnavailableError } from '../../../lib/redis/redis-unavailable.error.js';
import { MAX_UNANSWERED, type ScriptBatch } from '../../../lib/redis/script-batch.js';
import { type ShardMemory, VOUCH_TTL } from '../../../lib/redis/shard-memory.js';

interface Call {
  keys: string[];
  args: () => (string | number)[];
  answer: (reply: unknown) => void;
  fail: (error: Error) => void;
}

describe('NonceCalls', () => {
  let sent: Call[];
  let nonces: NonceCalls;
  let shard: { tag: string; token: string };

  beforeEach(() => {
    sent = [];
    shard = { tag: '7', token: 'memory' };
    const batch = {
      run: (_: unknown, keys: string[], args: Call['args']) =>
        new Promise((answer, fail) => sent.push({ keys, args, answer, fail })),
      unexpectedReply: () => new RedisUnavailableError('a reply does not match its command'),
    } as unknown as ScriptBatch;
    nonces = new NonceCalls(batch, new RedisKeys('p:'));
  });

  const use = (number: number, ahead?: [string, number]) =>
    nonces.use(shard as ShardMemory, {
      redisKey: `k${number}`,
      ttl: number,
      names: [`a${number}`],
      ahead,
    });
  const useMany = (count: number) => Array.from({ length: count }, (_, number) => use(number));

  it('uses the nonces of one turn together, 16 in a call', async () => {
    const uses = useMany(40);
    expect(sent.map(({ keys }) => keys.length - 2)).toEqual([16, 16, 8]);
    for (const { keys, answer } of sent) answer('10'.repeat((keys.length - 2) / 2));
    expect(await Promise.all(uses)).toEqual(
      Array.from({ length: 40 }, (_, number) => number % 2 === 0),
    );
  });

  it('sends the token, and the ttl and the names of each nonce, and then future times', () => {
    void use(1, ['main', 99]);
    void nonces.use(shard as ShardMemory, {
      redisKey: 'k2',
      ttl: 2,
      names: ['a2', 'earlier'],
      ahead: undefined,
    });
    const [{ keys, args }] = sent as [Call];
    expect(keys).toEqual(['p:{7}:vouch', 'p:{7}:memory', 'k1', 'k2']);
    expect(args()).toEqual(['memory', VOUCH_TTL, 1, 'a1', 2, 'a2 earlier', 'main', 99]);
  });

  it('adds no nonce to a call that was sent', () => {
    void use(1);
    sent[0]!.args();
    void use(2);
    expect(sent.map(({ keys }) => keys.at(-1))).toEqual(['k1', 'k2']);
  });

  it('adds no nonce to a call for another memory, or another shard', () => {
    void use(1);
    shard.token = 'new memory';
    void use(2);
    shard = { tag: '8', token: 'new memory' };
    void use(3);
    expect(sent.map(({ keys, args }) => [keys[0], args()[0], keys.at(-1)])).toEqual([
      ['p:{7}:vouch', 'memory', 'k1'],
      ['p:{7}:vouch', 'new memory', 'k2'],
      ['p:{8}:vouch', 'new memory', 'k3'],
    ]);
  });

  it('returns lost for each nonce of a call whose memory was lost', async () => {
    const uses = useMany(2);
    sent[0]!.answer('lost');
    expect(await Promise.all(uses)).toEqual(['lost', 'lost']);
  });

  it('rejects each nonce of a call that fails, and sends later ones with another call', async () => {
    const uses = useMany(2);
    sent[0]!.fail(new RedisUnavailableError('it is down'));
    for (const failed of await Promise.allSettled(uses)) expect(failed.status).toBe('rejected');
    void use(3);
    expect(sent[1]?.keys.at(-1)).toBe('k3');
  });

  it.each([['1'], [''], [12], [null], ['1x']])(
    'rejects a nonce after the reply %j',
    async reply => {
      const [first, second] = useMany(2);
      const settled = Promise.allSettled([first]);
      const rejected = expect(second).rejects.toThrow('does not match');
      sent[0]!.answer(reply);
      await rejected;
      await settled;
    },
  );

  it('limits how many nonces wait for a reply', async () => {
    const uses = useMany(MAX_UNANSWERED);
    await expect(use(-1)).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    for (const { answer } of sent) answer('1'.repeat(16));
    await Promise.all(uses);
    const last = use(0);
    sent.at(-1)!.answer('1');
    expect(await last).toBe(true);
  });
});
