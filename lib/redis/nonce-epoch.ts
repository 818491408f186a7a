import { Logger } from '@nestjs/common';
import { ENROL_LUA, REMEMBER_LUA } from './lua/epoch.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const ENROL = new Script(ENROL_LUA);
const REMEMBER = new Script(REMEMBER_LUA);

/** Nonces brought back by one script, which holds up Redis for about a millisecond. */
const CHUNK = 500;

export interface NonceTtl {
  readonly key: string;
  readonly ttl: number;
}

/**
 * Keeps a Redis that was restarted, emptied or replaced from accepting events a second time. Each unbroken memory
 * has a name, the epoch, and every use of a nonce says which one it counts on. A node that finds another one
 * holds the use of nonces back for all, and brings back those it has seen; the other nodes do the same meanwhile.
 */
export class NonceEpoch {
  private readonly logger = new Logger('SemanticEvents');
  private hasWarned = false;
  private name = '';
  private enrolling: Promise<void> | undefined;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly settleTime: number,
    private readonly remembered: (chunk: number) => Iterable<readonly NonceTtl[]>,
  ) {}

  /** Empty until Redis was first asked. */
  get current(): string {
    return this.name;
  }

  /** Learns the epoch, and brings back what was forgotten if it is another one than before. */
  enrol(): Promise<void> {
    this.enrolling ??= this.learn().finally(() => {
      this.enrolling = undefined;
    });
    return this.enrolling;
  }

  private async learn(): Promise<void> {
    const reply = await this.batch.run(ENROL, [this.keys.epoch], []);
    const [name, eviction] = reply as [epoch: string, eviction: string];
    this.warnOf(eviction);
    if (this.name !== '' && name !== this.name) await this.bringBack();
    this.name = name;
  }

  private warnOf(eviction: string): void {
    if (this.hasWarned || eviction === '' || eviction === 'noeviction') return;
    this.hasWarned = true;
    this.logger.warn(
      `Redis may evict nonces, which can be used again then: its maxmemory-policy is ${eviction}, not noeviction`,
    );
  }

  private async bringBack(): Promise<void> {
    // Even who has nothing to bring back holds nonces back, for the others.
    await this.remember([]);
    // One after the other, so that the events of other nodes find their way in between.
    for (const chunk of this.remembered(CHUNK)) await this.remember(chunk);
  }

  private remember(nonces: readonly NonceTtl[]): Promise<unknown> {
    const keys = [this.keys.settling, ...nonces.map(({ key }) => key)];
    return this.batch.run(REMEMBER, keys, [this.settleTime, ...nonces.map(({ ttl }) => ttl)]);
  }
}
