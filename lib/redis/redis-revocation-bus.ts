import type { Clock } from '../clock.js';
import { type Revocation, RevocationBus } from '../connection/index.js';
import { OutageLog } from '../outage-log.js';
import { RETELL_LUA } from './lua/revocations.lua.js';
import type { RedisEpoch } from './redis-epoch.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const RETELL = new Script(RETELL_LUA);

/** How often other nodes are listened to, in milliseconds: a log-out takes no longer than this to reach them. */
const POLL_INTERVAL = 500;
/** Revocations kept for nodes that are away or start later, by Redis and, should it lose them, by each node. */
export const MAX_KEPT = 10_000;
/** Revocations waiting for Redis to come back. */
const MAX_UNSENT = 10_000;
const BATCH = 500;
/** How long it is known which were told again, in milliseconds: longer than nodes take to do it. */
const RETOLD_TTL = 60_000;
const BEGINNING = '0-0';

type StreamEntry = [id: string, fields: string[]];

/**
 * A Redis Stream that every node reads from where it last was: a node that was cut off, or starts later, hears
 * what it missed. It is polled rather than waited on, which takes no connection of its own.
 */
export class RedisRevocationBus extends RevocationBus {
  private readonly listeners: ((revocation: Revocation) => void)[] = [];
  /**
   * What was said or heard so far, as it is told: for listeners that come after the first look, since an
   * application starts step by step, and for a Redis that loses it.
   */
  private readonly known = new Map<string, Revocation>();
  private readonly unsent = new Set<string>();
  private lost: string[] = [];
  private readonly timer: NodeJS.Timeout;
  private readonly outage: OutageLog;
  private isRefused = false;
  private lastId = BEGINNING;
  private exchanging: Promise<void> | undefined;

  /** @param node tells our own entries from those of others */
  constructor(
    private readonly link: RedisLink,
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly node: string,
    epoch: RedisEpoch,
    clock: Clock,
  ) {
    super();
    this.outage = new OutageLog(clock);
    this.timer = setInterval(() => void this.catchUp(), POLL_INTERVAL).unref();
    link.onUp(() => void this.catchUp());
    epoch.onLoss(() => {
      this.lost = [...this.known.keys()];
      // The ids of another Redis may be smaller.
      this.lastId = BEGINNING;
      void this.catchUp();
    });
  }

  publish(revocation: Revocation): void {
    makeRoom(this.unsent, MAX_UNSENT);
    const text = JSON.stringify(revocation);
    this.unsent.add(text);
    this.keep(text, revocation);
    void this.catchUp();
  }

  subscribe(listener: (revocation: Revocation) => void): void {
    this.listeners.push(listener);
    for (const revocation of this.known.values()) listener(revocation);
  }

  /** Sends what is to be sent and reads what there is; what fails is tried again. */
  catchUp(): Promise<void> {
    this.exchanging ??= this.exchange()
      .then(
        () => {
          if (this.isRefused) this.outage.end('Log-outs reach the other nodes again');
          this.isRefused = false;
        },
        (error: unknown) => {
          this.noteFailure(error as Error);
        },
      )
      .finally(() => {
        this.exchanging = undefined;
      });
    return this.exchanging;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async exchange(): Promise<void> {
    let read: number;
    do {
      const sending = [...this.unsent].slice(0, BATCH);
      const replies = await this.link.exchange(pipeline => {
        for (const text of sending) {
          const fields = ['node', this.node, 'revocation', text];
          pipeline.xadd(this.keys.revocations, 'MAXLEN', '~', MAX_KEPT, '*', ...fields);
        }
        // Not XREAD: in which form it answers depends on how the client of the application is set up.
        pipeline.xrange(this.keys.revocations, `(${this.lastId}`, '+', 'COUNT', BATCH);
      });
      // What cannot be told for want of memory does not keep us from hearing.
      read = this.receive((replies.at(-1)?.[1] ?? []) as StreamEntry[]);
      const error = replies.find(([failure]) => failure)?.[0];
      if (error) throw error;
      for (const text of sending) this.unsent.delete(text);
    } while (read === BATCH || this.unsent.size > 0);
    while (this.lost.length > 0) await this.retell(this.lost);
  }

  private async retell(lost: string[]): Promise<void> {
    const keys = [this.keys.revocations, this.keys.retold];
    const telling = lost.slice(0, BATCH);
    await this.batch.run(RETELL, keys, [this.node, MAX_KEPT, RETOLD_TTL, ...telling]);
    // Where Redis has lost its memory once more meanwhile, another list has taken the place of this one.
    lost.splice(0, telling.length);
  }

  /** @returns how many there were */
  private receive(entries: StreamEntry[]): number {
    for (const [id, fields] of entries) {
      this.lastId = id;
      const [, , , text] = fields;
      if (text === undefined || this.known.has(text)) continue;
      const revocation = JSON.parse(text) as Revocation;
      this.keep(text, revocation);
      for (const listener of this.listeners) listener(revocation);
    }
    return entries.length;
  }

  private keep(text: string, revocation: Revocation): void {
    makeRoom(this.known, MAX_KEPT);
    this.known.set(text, revocation);
  }

  /** Of a Redis that is down the link tells; one that takes no revocations is our business. */
  private noteFailure(error: Error): void {
    if (this.isRefused || this.link.health.status === 'down') return;
    this.isRefused = true;
    this.outage.begin(`Log-outs do not reach the other nodes: ${error.message}`);
  }
}

/** Lets the oldest go where there is no room for one more. */
function makeRoom(kept: Set<string> | Map<string, unknown>, max: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size < max) return;
    kept.delete(oldest);
  }
}
