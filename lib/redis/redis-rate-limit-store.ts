import type { Clock } from '../clock.js';
import { type RateLimitDecision, RateLimitStore, type TokenBucket } from '../rate-limit/index.js';
import type { BlockedKeys } from './blocked-keys.js';
import { REFUND_LUA, TAKE_LUA } from './lua/token-bucket.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch, ScriptCall } from './script-batch.js';

const TAKE = new Script(TAKE_LUA);
const REFUND = new Script(REFUND_LUA);

/** What a script that takes tokens answers, numbers as text: Redis would cut off their fractions. */
type TakeReply = [allowed: number, remaining: string, retryAfter: string, resetAfter: string];

/** One token bucket per key, by the clock of the Redis server. */
export class RedisRateLimitStore extends RateLimitStore {
  private readonly calls = new WeakMap<Promise<RateLimitDecision>, ScriptCall>();

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly blocked: BlockedKeys,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** Refuses at once what was refused before and cannot pass yet. */
  override take(
    key: string,
    bucket: TokenBucket,
    cost: number,
  ): RateLimitDecision | Promise<RateLimitDecision> {
    const askedAt = this.clock.monotonic();
    const refusal = this.blocked.refusal(key, bucket, cost, askedAt);
    if (refusal) return refusal;
    const { interval, fillTime } = bucket;
    const call = this.batch.add(TAKE, [this.keys.bucket(key)], [interval, fillTime, cost]);
    const decided = call.reply.then(reply => {
      const decision = decisionOf(reply as TakeReply);
      if (!decision.allowed) this.blocked.note(key, bucket, cost, decision, askedAt);
      return decision;
    });
    this.calls.set(decided, call);
    return decided;
  }

  override async refund(key: string, { interval }: TokenBucket, tokens: number): Promise<void> {
    await this.batch.run(REFUND, [this.keys.bucket(key)], [interval, tokens]);
    this.blocked.forget(key);
  }

  /** The call that a decision waits for, while it waits to be sent: something can still be added to it. */
  unsentCall(decision: Promise<RateLimitDecision>): ScriptCall | undefined {
    const call = this.calls.get(decision);
    return call && !call.isSent && call.script === TAKE ? call : undefined;
  }
}

function decisionOf([allowed, remaining, retryAfter, resetAfter]: TakeReply): RateLimitDecision {
  return {
    allowed: allowed === 1,
    remaining: Number(remaining),
    retryAfter: Number(retryAfter),
    resetAfter: Number(resetAfter),
  };
}
