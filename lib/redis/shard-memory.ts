import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { CHECK_LUA, VOUCH_LUA } from './lua/memory.lua.js';
import { RedisClock } from './redis-clock.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const VOUCH = new Script(VOUCH_LUA);
const CHECK = new Script(CHECK_LUA);

/** The lifetime of a vouch without a renewal, in milliseconds. */
export const VOUCH_TTL = 1_000;
/** The minimum forward step of the Redis clock that counts as a jump, which may expire nonces early. Milliseconds. */
const JUMP = 500;

type Fields = readonly string[];

export interface ShardOptions {
  readonly tag: string;
  /** The maximum difference between the clocks of two nodes, in milliseconds. */
  readonly clockDrift: number;
  /** The latest future event time that this node knows, by scope. All shards share it. */
  readonly ahead: Map<string, number>;
  /** Called with the `maxmemory-policy` of Redis. */
  readonly onEviction: (policy: string) => void;
  /** Called when a new memory has replaced the known one. */
  readonly onLoss: () => void;
}

/**
 * The known state of the nonces in one hash slot of Redis, called a memory. If a memory may have lost nonces, a new memory
 * replaces it. A new memory has a watermark: events at or before it may have been used before, and are rejected.
 */
export class ShardMemory {
  /** The name of the memory. It is empty before the first check. */
  token = '';
  private watermark = -Infinity;
  private readonly watermarks = new Map<string, number>();
  private readonly redisClock: RedisClock;
  /** When this node last renewed the vouch, by the monotonic clock. */
  private renewedAt = -Infinity;
  private checking: Promise<void> | undefined;
  /** The generation of the connection at the last check. */
  private generation = -1;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly clock: Clock,
    private readonly options: ShardOptions,
  ) {
    this.redisClock = new RedisClock(clock);
  }

  get tag(): string {
    return this.options.tag;
  }

  /** Whether the memory was checked over the current connection. Otherwise replies about nonces are not valid. */
  get isKnown(): boolean {
    return this.token !== '' && this.generation === this.batch.generation;
  }

  /** Returns the watermark of a scope: an event at or before it may have been used in an earlier memory. */
  watermarkOf(scope: string): number {
    return Math.max(this.watermark, this.watermarks.get(scope) ?? -Infinity);
  }

  /** Checks the memory. Renews the vouch of a complete memory, or begins a new one. Joins a check in progress. */
  check(): Promise<void> {
    this.checking ??= this.checkOnce().finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  private async checkOnce(): Promise<void> {
    const { generation } = this.batch;
    // A new connection may lead to a server that has loaded an old vouch: compare the run id of the server instead.
    const isKnown = generation === this.generation;
    const sentAt = this.clock.monotonic();
    // Call it without a token, too: a jump of the Redis clock can be detected only from an earlier time.
    const args = [this.token, isKnown ? VOUCH_TTL : 0];
    const vouched = await this.batch.run(VOUCH, this.scriptKeys(), args);
    if (!Array.isArray(vouched) || typeof vouched[0] !== 'string')
      throw this.batch.unexpectedReply();
    const [time, known] = vouched as [string, Fields | null];
    // The clock may also have jumped forward and back between two calls of this node: then the vouch expired too early.
    const isEarly = !known && this.clock.monotonic() - this.renewedAt < VOUCH_TTL;
    const hasJumped = this.redisClock.jumpAt(Number(time), sentAt) > JUMP || isEarly;
    if (known && !hasJumped && isKnown) {
      this.renewedAt = sentAt;
      this.learn(known, generation);
      return;
    }
    const reply = await this.batch.run(CHECK, this.scriptKeys(), this.checkArgs(hasJumped));
    if (!Array.isArray(reply) || !Array.isArray(reply[0])) throw this.batch.unexpectedReply();
    const [fields, eviction] = reply as [Fields, string];
    this.options.onEviction(eviction);
    this.renewedAt = sentAt;
    this.learn(fields, generation);
  }

  private checkArgs(hasJumped: boolean): (string | number)[] {
    const { clockDrift, ahead } = this.options;
    const now = this.clock.now();
    const random = randomBytes(9).toString('base64url');
    // A memory may be lost before the future events of an earlier one have expired.
    const watermarks = new Map(this.watermarks);
    for (const [scope, time] of ahead)
      watermarks.set(scope, Math.max(time + clockDrift, watermarks.get(scope) ?? -Infinity));
    const scopes = [...watermarks].filter(([, watermark]) => watermark > now + clockDrift).flat();
    return [this.token, hasJumped ? 1 : 0, random, now + clockDrift, VOUCH_TTL, ...scopes];
  }

  private learn(fields: Fields, generation: number): void {
    const before = this.token;
    this.generation = generation;
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [name = '', value = ''] = [fields[at], fields[at + 1]];
      if (name === 'token') this.token = value;
      else if (name === 'watermark') this.watermark = Math.max(this.watermark, Number(value));
      else if (name.startsWith('w:')) this.watermarks.set(name.slice(2), Number(value));
      else if (name.startsWith('a:')) {
        const scope = name.slice(2);
        const known = this.options.ahead.get(scope) ?? -Infinity;
        this.options.ahead.set(scope, Math.max(known, Number(value)));
      }
    }
    if (before !== '' && before !== this.token) this.options.onLoss();
  }

  private scriptKeys(): string[] {
    return [this.keys.vouch(this.tag), this.keys.memory(this.tag)];
  }
}
