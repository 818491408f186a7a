import { setTimeout as wait } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Clock } from '../clock.js';
import type { MaybePromise } from '../maybe-promise.js';
import { ENROL_LUA } from './lua/epoch.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { Script } from './script.js';
import { MAX_UNANSWERED, type ScriptBatch } from './script-batch.js';

const ENROL = new Script(ENROL_LUA);

/** How much longer than Redis says is waited, in milliseconds, so that what it is to have forgotten by then, it has. */
const MARGIN = 5;

/**
 * Keeps a Redis that was restarted, emptied or replaced from accepting events a second time. Each unbroken memory
 * has a name, the epoch, and every use of a nonce says which one it counts on: with the memory, all nodes lose the
 * right to use any. Whoever comes first names the new one, which settles for a while, in which nobody uses a nonce
 * and every node brings back those it has seen.
 *
 * That leaves what only a node had seen that does not come in time: it is frozen, cut off or gone, and nobody may
 * know that it ever was. But whatever was accepted in an earlier memory was accepted before this one began, and
 * so, unless its maker's clock is ahead by more than the time to settle, made before this one had settled. Events
 * that were are not accepted any more where their nonce is not known, until they expire. Waiting does not help
 * them, but a new event made in their place passes at once. The moment is kept by the clock of each node, reckoned
 * from the age that Redis tells: Redis' own clock need not be right.
 */
export class RedisEpoch {
  private readonly logger = new Logger('SemanticEvents');
  private readonly restorers: ((settledAt: number) => MaybePromise<void>)[] = [];
  private hasWarned = false;
  private name = '';
  private settledAt = -Infinity;
  private enrolling: Promise<void> | undefined;
  private waiting = 0;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly clock: Clock,
    private readonly settleTime: number,
  ) {}

  /** Empty until Redis was first asked. */
  get current(): string {
    return this.name;
  }

  /** How long others are held back by each step of bringing something back, until the next one. */
  get holdTime(): number {
    return Math.ceil(this.settleTime / 2);
  }

  /**
   * Has somebody bring back what Redis has lost, told what is too old to be accepted anyway. It fails where Redis
   * does, and is asked again then.
   */
  onLoss(restore: (settledAt: number) => MaybePromise<void>): void {
    this.restorers.push(restore);
  }

  /** Whether something may have been used in an earlier memory than the one there is now. */
  isOlder(madeAt: number | undefined): boolean {
    return madeAt !== undefined && madeAt <= this.settledAt;
  }

  /** Learns the epoch, and has brought back what was forgotten if it is another one than before. */
  enrol(): Promise<void> {
    this.enrolling ??= this.learn().finally(() => {
      this.enrolling = undefined;
    });
    return this.enrolling;
  }

  /** Like `enrol`, for one of many who need it: no more of them wait than can be told. */
  async known(): Promise<void> {
    if (this.waiting >= MAX_UNANSWERED)
      throw new RedisUnavailableError('too many calls wait for it to settle');
    this.waiting++;
    try {
      await this.enrol();
    } finally {
      this.waiting--;
    }
  }

  private async learn(): Promise<void> {
    const keys = [this.keys.epoch, this.keys.settling];
    const args = [this.name, this.settleTime, this.holdTime];
    // What waits was asked of the memory before, whose name may be there although its latest nonces are not.
    const reply = await this.batch.runFirst(ENROL, keys, args);
    const [name, age, rest, eviction] = reply as [string, number, number, string];
    const settledAt = this.clock.now() - age + this.settleTime;
    this.warnOf(eviction);
    // Who has just started waits with the others: they may know of events it has not heard of.
    if (this.name === '' && rest > 0) await wait(rest + MARGIN, undefined, { ref: false });
    if (this.name !== '' && name !== this.name)
      for (const restore of this.restorers) await restore(settledAt);
    this.name = name;
    this.settledAt = settledAt;
  }

  private warnOf(eviction: string): void {
    if (this.hasWarned || eviction === '' || eviction === 'noeviction') return;
    this.hasWarned = true;
    this.logger.warn(
      `Redis may evict nonces, which can be used again then: its maxmemory-policy is ${eviction}, not noeviction`,
    );
  }
}
