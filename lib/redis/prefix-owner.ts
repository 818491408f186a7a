import { Logger } from '@nestjs/common';
import { contained } from '../monitoring/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { CLAIM_LUA } from './lua/prefix-owner.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const CLAIM = new Script(CLAIM_LUA);
/** The duration of a claim, and the interval of its renewals, in milliseconds. */
const CLAIM_TTL = 60_000;
const RENEWAL_INTERVAL = 20_000;

/**
 * Claims the key prefix for one application. The fingerprints of its signing keys identify an application. Only a process with
 * the keys can compute them. Two nodes with a common key belong to the same application, so that keys can rotate.
 */
export class PrefixOwner {
  private readonly logger = new Logger('SemanticEvents');
  private fingerprints: (() => readonly string[]) | undefined;
  private readonly renewal: NodeJS.Timeout;
  private isForeign = false;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly prefix: string,
  ) {
    const renew = contained(() => this.renew());
    this.renewal = setInterval(renew, RENEWAL_INTERVAL).unref();
  }

  /** The reason why this node must not be trusted, or undefined. */
  get problem(): string | undefined {
    return this.isForeign ? this.complaint : undefined;
  }

  /**
   * Claims the prefix. If Redis cannot be reached, a later renewal claims it.
   *
   * @param fingerprints returns the fingerprints of the current key ring
   * @throws SemanticEventsConfigError by rejecting, if another application has claimed the prefix
   */
  async claim(fingerprints: () => readonly string[]): Promise<void> {
    this.fingerprints = fingerprints;
    await this.renew();
    if (this.isForeign) throw new SemanticEventsConfigError([this.complaint]);
  }

  /** Renews the claim. If Redis cannot be reached, the last result stays valid. */
  async renew(): Promise<void> {
    if (!this.fingerprints) return;
    const args = [CLAIM_TTL, ...this.fingerprints()];
    let reply: unknown;
    try {
      reply = await this.batch.run(CLAIM, [this.keys.owner], args);
    } catch {
      // The stores report an outage.
      return;
    }
    const isForeign = reply === 0;
    if (isForeign && !this.isForeign) this.logger.error(this.complaint);
    this.isForeign = isForeign;
  }

  close(): void {
    clearInterval(this.renewal);
  }

  private get complaint(): string {
    return (
      `redisStores.prefix "${this.prefix}" belongs to another application, whose signing keys are different: set a prefix of ` +
      'your own. If all keys of this application were replaced at once, stop its old nodes and wait a minute'
    );
  }
}
