import type { Clock } from '../clock.js';
import { BEGINNING, EventLog, type LogFollower, type LogPage, parseCursor } from '../mesh/index.js';
import { APPEND_LUA, NEWEST_LUA, READ_LUA } from './lua/event-log.lua.js';
import { MAX_PAGE_SIZE, pageOf, type ReadReply } from './log-reply.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';
import { StreamFollower } from './stream-follower.js';

const READ = new Script(READ_LUA);
const NEWEST = new Script(NEWEST_LUA);

/** Events without an answer, beyond which new ones are refused: more wait than can be stored in time. */
export const MAX_UNSTORED = 10_000;
/** Entries read at once, at most: Redis does nothing else meanwhile. */
const MAX_PAGE = 1_000;
/** How long Redis knows what a node has sent last, in milliseconds: longer than any failover takes. */
const PUBLISHER_TTL = 3_600_000;

export interface RedisEventLogOptions {
  /** Names this node among all that share the Redis. */
  readonly node: string;
  readonly maxEvents: number;
  /** Milliseconds. */
  readonly commandTimeout: number;
}

/**
 * A Redis Stream for all nodes. Cursors are the ids of its entries: a place in it is whole as long as the entry it names
 * is there, which is looked at anew with every page.
 */
export class RedisEventLog extends EventLog {
  private sent = 0;
  /** What was stored last for certain. */
  private acknowledged = 0;
  private acknowledgedId = '';
  private unstored = 0;
  private follower: StreamFollower | undefined;
  private isClosed = false;

  constructor(
    private readonly link: RedisLink,
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly clock: Clock,
    private readonly options: RedisEventLogOptions,
  ) {
    super();
  }

  /** @throws RedisUnavailableError by rejecting; the event may be stored all the same */
  override async append(type: string, text: string): Promise<string> {
    if (this.unstored >= MAX_UNSTORED)
      throw new RedisUnavailableError('too many events wait for an answer');
    this.unstored++;
    try {
      return await this.send(type, text);
    } finally {
      this.unstored--;
    }
  }

  /** @throws RedisUnavailableError by rejecting */
  override async read(after: string | undefined, limit: number): Promise<LogPage> {
    // What is no id of Redis is in no log of its.
    const id = after === undefined || parseCursor(after) ? after : BEGINNING;
    const args = [id ?? '', Math.min(limit, MAX_PAGE), MAX_PAGE_SIZE];
    const reply = await this.batch.run(READ, [this.keys.events], args);
    return pageOf(reply as ReadReply, id);
  }

  /** @throws RedisUnavailableError by rejecting */
  override async follow(follower: LogFollower): Promise<string> {
    const position = (await this.batch.run(NEWEST, [this.keys.events], [])) as string;
    if (this.isClosed) throw new RedisUnavailableError('it is closed');
    const { commandTimeout } = this.options;
    const { client } = this.link;
    const place = { key: this.keys.events, position };
    this.follower = new StreamFollower(client, place, follower, this.clock, commandTimeout);
    return position;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.follower?.close();
  }

  /** Numbered when it is sent, and not by `EVALSHA`: one that Redis does not know would be repeated after later ones. */
  private async send(type: string, text: string): Promise<string> {
    const { events } = this.keys;
    const { node, maxEvents } = this.options;
    const publisher = this.keys.publisher(node);
    let number = 0;
    const [reply] = await this.link.exchange(pipeline => {
      number = ++this.sent;
      const stored = [this.acknowledged, this.acknowledgedId];
      const args = [number, ...stored, maxEvents, PUBLISHER_TTL, type, text];
      pipeline.eval(APPEND_LUA, 2, events, publisher, ...args);
    });
    const [error, id] = reply ?? [new Error('no reply'), undefined];
    if (error) throw new RedisUnavailableError(error.message, error);
    if (typeof id !== 'string')
      throw new RedisUnavailableError('the connection broke while it was stored');
    if (number > this.acknowledged) {
      this.acknowledged = number;
      this.acknowledgedId = id;
    }
    return id;
  }
}
