import { USE_NONCES_LUA } from './lua/nonce.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { Script } from './script.js';
import { MAX_UNANSWERED, type ScriptBatch } from './script-batch.js';
import { type ShardMemory, VOUCH_TTL } from './shard-memory.js';

const USE = new Script(USE_NONCES_LUA);

/** The maximum number of nonces in one call. More save hardly any time of Redis, and delay other calls. */
const MAX_NONCES = 16;

/** A nonce to use. */
export interface NonceRequest {
  readonly redisKey: string;
  /** Milliseconds. */
  readonly ttl: number;
  /** The name of the attempt, and the names of earlier attempts that it replaces. */
  readonly names: readonly string[];
  /** The scope and the time of an event with a future time. */
  readonly ahead: readonly [scope: string, time: number] | undefined;
}

/** Nonces that share a call. */
interface NonceGroup {
  readonly token: string;
  readonly keys: string[];
  readonly requests: NonceRequest[];
  readonly answers: Promise<unknown>;
}

/** Uses the nonces of one turn of the event loop together: one call for several nonces of a shard. */
export class NonceCalls {
  /** The unsent calls by shard. */
  private readonly unsent = new Map<ShardMemory, NonceGroup>();
  private unanswered = 0;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
  ) {}

  /**
   * Uses a nonce.
   *
   * @returns whether it is new, or `'lost'` if the memory of the shard is not the known one
   * @throws RedisUnavailableError by rejecting
   */
  async use(shard: ShardMemory, request: NonceRequest): Promise<boolean | 'lost'> {
    if (this.unanswered >= MAX_UNANSWERED)
      throw new RedisUnavailableError('too many nonces wait for a reply');
    this.unanswered++;
    try {
      let group = this.unsent.get(shard);
      if (group?.token !== shard.token || group.requests.length >= MAX_NONCES) {
        group = this.newGroup(shard);
        this.unsent.set(shard, group);
      }
      group.keys.push(request.redisKey);
      const index = group.requests.push(request) - 1;
      const answers = await group.answers;
      if (answers === 'lost') return 'lost';
      const answer = typeof answers === 'string' ? answers[index] : undefined;
      if (answer !== '0' && answer !== '1') throw this.batch.unexpectedReply();
      return answer === '1';
    } finally {
      this.unanswered--;
    }
  }

  private newGroup(shard: ShardMemory): NonceGroup {
    const { tag, token } = shard;
    const requests: NonceRequest[] = [];
    const keys = [this.keys.vouch(tag), this.keys.memory(tag)];
    const leave = () => {
      if (this.unsent.get(shard)?.requests === requests) this.unsent.delete(shard);
    };
    const args = () => {
      leave();
      const nonces = requests.flatMap(({ ttl, names }) => [ttl, names.join(' ')]);
      const ahead = requests.flatMap(({ ahead }) => ahead ?? []);
      return [token, VOUCH_TTL, ...nonces, ...ahead];
    };
    const answers = this.batch.run(USE, keys, args);
    answers.catch(leave);
    return { token, keys, requests, answers };
  }
}
