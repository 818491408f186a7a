import type { Clock } from '../clock.js';
import { OutageLog } from '../outage-log.js';
import { NODE_CLOCKS_LUA } from './lua/node-clocks.lua.js';
import { RedisClock } from './redis-clock.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const NODE_CLOCKS = new Script(NODE_CLOCKS_LUA);

/** The tolerated difference between the steps of two clocks, in milliseconds. Both clocks are rounded. */
const ROUNDING = 5;

/** The maximum age of an entry of another node. Milliseconds. */
const MAX_AGE = 2_000;

/** The minimum and maximum by which a node's clock is ahead of Redis. They differ by the round-trip time. Milliseconds. */
interface Offset {
  /** The time of the measurement, by the clock of Redis. */
  readonly at: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Compares the clocks of the nodes. The clock of Redis is only a common reference: it may be wrong, but all nodes read it.
 * After it jumps, earlier measurements are ignored. A node whose clock differs from the median of all clocks by more than
 * `clockDrift` cannot check the age of events.
 */
export class NodeClocks {
  /** The reason why the clock of this node cannot be trusted, or undefined. */
  problem: string | undefined;
  /** By how much the clock of another node may be ahead of the clock of this node, in milliseconds; at most `clockDrift`. */
  lead = 0;
  private readonly log: OutageLog;
  private own: Offset | undefined;
  private readonly redisClock: RedisClock;
  /** When the last jump of the Redis clock was detected, by the Redis clock. */
  private jumpedAt = -Infinity;
  private comparing: Promise<void> | undefined;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly clock: Clock,
    private readonly options: { readonly node: string; readonly clockDrift: number },
  ) {
    this.log = new OutageLog(clock);
    this.redisClock = new RedisClock(clock);
  }

  compare(): Promise<void> {
    this.comparing ??= this.exchange().finally(() => {
      this.comparing = undefined;
    });
    return this.comparing;
  }

  private async exchange(): Promise<void> {
    const before = { now: this.clock.now(), monotonic: this.clock.monotonic() };
    const { own } = this;
    const entry = own ? `${own.at} ${own.low} ${own.high}` : '';
    const reply = await this.batch.run(
      NODE_CLOCKS,
      [this.keys.clocks],
      [this.options.node, entry, MAX_AGE],
    );
    const [time, entries] = reply as [string, string[]];
    const at = Number(time);
    if (Math.abs(this.redisClock.jumpAt(at, before.monotonic)) > ROUNDING) this.jumpedAt = at;
    this.own = { at, low: before.now - at, high: this.clock.now() - at };
    const others = entries.map(offsetOf).filter(other => other.at >= this.jumpedAt);
    // Right after a jump there are no entries to compare with: keep the last result.
    if (others.length > 0 || at - this.jumpedAt > MAX_AGE) this.judge(this.own, others);
  }

  /** Compares the clock of this node with the median. The uncertainty of the round trip counts in favour of the clock. */
  private judge(own: Offset, others: readonly Offset[]): void {
    const { clockDrift } = this.options;
    const latest = Math.max(own.low, ...others.map(({ high }) => high));
    this.lead = Math.min(latest - own.low, clockDrift);
    const lows = [own, ...others].map(({ low }) => low).sort((a, b) => a - b);
    const highs = [own, ...others].map(({ high }) => high).sort((a, b) => a - b);
    const low = lows[(lows.length - 1) >> 1] as number;
    const high = highs[highs.length >> 1] as number;
    const off = Math.max(own.low - high, low - own.high);
    // With two nodes the median lies between both, and either clock may be wrong: use their distance.
    const farthest = Math.max(
      ...others.map(other => Math.max(own.low - other.high, other.low - own.high)),
    );
    const distance = others.length === 1 ? farthest : off;
    if (distance <= clockDrift) {
      if (this.problem) this.log.end('The clock of this node agrees with the others again');
      this.problem = undefined;
      return;
    }
    const text = `the clock of this node is ${Math.round(distance)} ms off the others: synchronise it, or raise redisStores.clockDrift`;
    if (!this.problem) this.log.begin(`Ring-key events and tickets are refused: ${text}`);
    this.problem = text;
  }
}

function offsetOf(entry: string): Offset {
  const [at = 0, low = 0, high = 0] = entry.split(' ').map(Number);
  return { at, low, high };
}
