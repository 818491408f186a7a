import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { attempt, contained } from '../monitoring/index.js';
import {
  type RateLimitDecision,
  RateLimitStore,
  TOLERANCE,
  type TokenBucket,
} from '../rate-limit/index.js';
import { BlockedKeys } from './blocked-keys.js';
import { isSame, LEASE_TIME, leasableOf, LeasedBuckets, NO_LEASE } from './leased-buckets.js';
import { REFUND_LUA, TAKE_LUA } from './lua/token-bucket.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const TAKE = new Script(TAKE_LUA);
const REFUND = new Script(REFUND_LUA);

/** The interval at which ending leases are renewed or returned, in milliseconds. */
const RENEW_INTERVAL = LEASE_TIME / 10;
/** The maximum number of requests in one call. */
const MAX_REQUESTS = 1_000;

/** The reply of the script that takes tokens. Its last number is text, because Redis truncates numbers. */
type TakeReply = [answers: string, granted: number, resetAfter: string];

/** The requests for one key that share a call. */
interface RequestGroup {
  readonly bucket: TokenBucket;
  readonly costs: number[];
  decided: Promise<RateLimitDecision[]>;
}

/**
 * Stores one token bucket per key. Its time comes from the Redis server. Requests for a key in one turn of the event loop share
 * a call. A node leases tokens for busy keys, and decides without Redis while it has leased tokens.
 */
export class RedisRateLimitStore extends RateLimitStore {
  private readonly leases: LeasedBuckets;
  private readonly blocked: BlockedKeys;
  /** The unsent calls by key. */
  private readonly unsent = new Map<string, RequestGroup>();
  private timer: NodeJS.Timeout | undefined;
  /** The ids of leases consist of a random text of this node and a number. */
  private readonly node = randomBytes(4).toString('hex');
  private leased = 0;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly clock: Clock,
    maxKeys: number,
  ) {
    super();
    this.leases = new LeasedBuckets(maxKeys);
    this.blocked = new BlockedKeys(maxKeys);
  }

  /** Takes tokens. Rejects a request at once if an earlier rejection of its key still applies. */
  override take(
    key: string,
    bucket: TokenBucket,
    cost: number,
  ): RateLimitDecision | Promise<RateLimitDecision> {
    const now = this.clock.monotonic();
    return (
      this.leases.take(key, bucket, cost, now) ??
      this.blocked.refusal(key, bucket, cost, now) ??
      this.decide(key, bucket, cost)
    );
  }

  override async refund(key: string, { interval }: TokenBucket, tokens: number): Promise<void> {
    await this.batch.run(REFUND, [this.keys.bucket(key)], [interval, tokens]);
    this.blocked.forget(key);
  }

  /** Returns all leases. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.endLeases(Infinity, false);
  }

  private async decide(key: string, bucket: TokenBucket, cost: number): Promise<RateLimitDecision> {
    let group = this.unsent.get(key);
    if (!group || !isSame(group.bucket, bucket) || group.costs.length >= MAX_REQUESTS) {
      group = this.newGroup(key, bucket);
      this.unsent.set(key, group);
    }
    const index = group.costs.push(cost) - 1;
    const decisions = await group.decided;
    return decisions[index] as RateLimitDecision;
  }

  /** @param mayLease whether the call may also lease tokens */
  private newGroup(key: string, bucket: TokenBucket, mayLease = true): RequestGroup {
    const costs: number[] = [];
    let sentAt = 0;
    let want = 0;
    let id = '';
    const leave = () => {
      if (this.unsent.get(key)?.costs === costs) this.unsent.delete(key);
    };
    const args = () => {
      leave();
      sentAt = this.clock.monotonic();
      if (mayLease) want = this.leases.want(key, bucket, sum(costs), sentAt);
      if (want > 0) id = `${this.node}${(++this.leased).toString(36)}`;
      const isOver = want > 0 || costs.length === 0;
      const ended = isOver ? this.leases.end(key, bucket) : NO_LEASE;
      const { interval, fillTime } = bucket;
      const leasable = leasableOf(bucket);
      return [interval, fillTime, want, leasable, id, ended.id, ended.unused, ...costs];
    };
    const decided = this.batch.run(TAKE, [this.keys.bucket(key)], args).then(
      reply => {
        const [answers, granted, reset] = reply as TakeReply;
        const resetAfter = Number(reset);
        if (want > 0) {
          this.leases.granted(key, bucket, { id, granted, resetAfter }, sentAt);
          this.startRenewing();
        }
        const taken = resetAfter - granted * bucket.interval;
        return this.note(key, bucket, costs, decisionsOf(bucket, costs, answers, taken), sentAt);
      },
      (error: unknown) => {
        leave();
        if (want > 0) this.leases.failed(key, bucket);
        throw error;
      },
    );
    return { bucket, costs, decided };
  }

  private note(
    key: string,
    bucket: TokenBucket,
    costs: readonly number[],
    decisions: RateLimitDecision[],
    requestedAt: number,
  ): RateLimitDecision[] {
    decisions.forEach((decision, index) => {
      if (!decision.allowed)
        this.blocked.note(key, bucket, costs[index] as number, decision, requestedAt);
    });
    return decisions;
  }

  private startRenewing(): void {
    const renew = contained(() => {
      attempt(() => this.endLeases(this.clock.monotonic() + 2 * RENEW_INTERVAL, true));
      if (this.leases.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    });
    this.timer ??= setInterval(renew, RENEW_INTERVAL).unref();
  }

  /** Returns leases that end before a time. If a call fails, its tokens are lost, because Redis may have executed it. */
  private async endLeases(before: number, mayLease: boolean): Promise<void> {
    const ending = this.leases.endingBefore(before, this.clock.monotonic());
    await Promise.allSettled(
      ending.map(([key, bucket]) => this.newGroup(key, bucket, mayLease).decided),
    );
  }
}

/** Calculates the decision for each request from the bucket's state after all of them. */
function decisionsOf(
  { interval, fillTime }: TokenBucket,
  costs: readonly number[],
  answers: string,
  resetAfterAll: number,
): RateLimitDecision[] {
  let resetAfter = resetAfterAll;
  return costs
    .map((_, index) => costs.length - 1 - index)
    .map(index => {
      const time = (costs[index] as number) * interval;
      const allowed = answers[index] === '1';
      const decision = {
        allowed,
        remaining: Math.max(0, Math.floor((fillTime - resetAfter) / interval + TOLERANCE)),
        retryAfter: allowed ? 0 : resetAfter + time - fillTime,
        resetAfter,
      };
      if (allowed) resetAfter -= time;
      return decision;
    })
    .reverse();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
