import { type Revocation, RevocationBus } from '../connection/index.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';

/** How often other nodes are listened to: a log-out takes no longer than this to reach them. */
const POLL_INTERVAL = 500;
/** Revocations kept for nodes that are away or start later. */
const MAX_KEPT = 10_000;
/** Revocations waiting for Redis to come back. */
const MAX_UNSENT = 10_000;
const BATCH = 500;

type StreamEntry = [id: string, fields: string[]];
type StreamReply = [key: string, entries: StreamEntry[]][] | null;

/**
 * A Redis Stream that every node reads from where it last was: a node that was cut off, or starts later, hears
 * what it missed. It is polled rather than waited on, which takes no connection of its own.
 */
export class RedisRevocationBus extends RevocationBus {
  private readonly listeners: ((revocation: Revocation) => void)[] = [];
  private readonly unsent: Revocation[] = [];
  /** What was heard so far, for listeners that come after the first look: an application starts step by step. */
  private readonly heard: Revocation[] = [];
  private readonly timer: NodeJS.Timeout;
  private lastId = '0-0';
  private isBusy = false;

  /** @param node tells our own entries from those of others */
  constructor(
    private readonly link: RedisLink,
    private readonly keys: RedisKeys,
    private readonly node: string,
  ) {
    super();
    this.timer = setInterval(() => void this.exchange(), POLL_INTERVAL).unref();
    link.onUp(() => void this.exchange());
  }

  publish(revocation: Revocation): void {
    if (this.unsent.length >= MAX_UNSENT) this.unsent.shift();
    this.unsent.push(revocation);
    void this.exchange();
  }

  subscribe(listener: (revocation: Revocation) => void): void {
    this.listeners.push(listener);
    for (const revocation of this.heard) listener(revocation);
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Sends what is to be sent and reads what there is, in one round trip; what fails is tried again. */
  private async exchange(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    const sending = this.unsent.slice(0, BATCH);
    try {
      const replies = await this.link.exchange(pipeline => {
        for (const revocation of sending) {
          const fields = ['node', this.node, 'revocation', JSON.stringify(revocation)];
          pipeline.xadd(this.keys.revocations, 'MAXLEN', '~', MAX_KEPT, '*', ...fields);
        }
        pipeline.xread('COUNT', BATCH, 'STREAMS', this.keys.revocations, this.lastId);
      });
      const error = replies.find(([failure]) => failure)?.[0];
      if (error) throw error;
      this.unsent.splice(0, sending.length);
      this.receive((replies.at(-1)?.[1] ?? null) as StreamReply);
    } catch {
      // Redis is down, which the link has told; the next poll tries again.
    } finally {
      this.isBusy = false;
    }
  }

  private receive(reply: StreamReply): void {
    for (const [id, fields] of reply?.[0]?.[1] ?? []) {
      this.lastId = id;
      const [, node, , text] = fields;
      if (node === this.node || text === undefined) continue;
      const revocation = JSON.parse(text) as Revocation;
      this.heard.push(revocation);
      if (this.heard.length > MAX_KEPT) this.heard.shift();
      for (const listener of this.listeners) listener(revocation);
    }
  }
}
