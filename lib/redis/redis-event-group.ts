import { type EventGroup, idOf, type ClaimedEntries } from '../mesh/index.js';
import type { EventLogKeys } from './event-log-keys.js';
import type { EventLogReader } from './event-log-reader.js';
import { DONE_LUA, KEEP_LUA, QUIT_LUA, TAKE_LUA } from './lua/event-group.lua.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const TAKE = new Script(TAKE_LUA);
const DONE = new Script(DONE_LUA);
const KEEP = new Script(KEEP_LUA);
const QUIT = new Script(QUIT_LUA);

/** The maximum number of entries claimed at once. A claim blocks Redis. */
const MAX_CLAIMED = 256;

type ClaimReply = [
  lost: number,
  entries: [id: string, type: string, text: string, count: number][],
];

export interface EventGroupMember {
  readonly group: string;
  /** The name of this node. */
  readonly node: string;
  /** Milliseconds. */
  readonly lease: number;
}

/** A member of a consumer group of the stream of public events. */
export class RedisEventGroup implements EventGroup {
  /** @param after the cursor after which a new group begins */
  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: EventLogKeys,
    private readonly reader: EventLogReader,
    private readonly member: EventGroupMember,
    private after: string,
  ) {}

  get lease(): number {
    return this.member.lease;
  }

  /** @throws RedisUnavailableError by rejecting */
  async claim(limit: number, isOverdue: boolean): Promise<ClaimedEntries> {
    const { group, node, lease } = this.member;
    const reply = await this.batch.run(
      TAKE,
      [this.keys.events, this.keys.channels],
      [group, node, idOf(this.after), Math.min(limit, MAX_CLAIMED), lease, isOverdue ? 1 : 0],
    );
    const [lost, claimed] = reply as ClaimReply;
    const entries = claimed.map(([id, type, text, deliveries]) => ({
      cursor: `${this.reader.epoch}.${id}`,
      channel: '',
      type,
      text,
      deliveries,
    }));
    for (const { cursor, deliveries } of entries) if (deliveries === 1) this.after = cursor;
    return { entries, lost };
  }

  /** @throws RedisUnavailableError by rejecting */
  async done(cursors: readonly string[]): Promise<void> {
    await this.run(DONE, [this.member.group], cursors);
  }

  /** @throws RedisUnavailableError by rejecting */
  async renew(cursors: readonly string[]): Promise<void> {
    await this.run(KEEP, [this.member.group, this.member.node], cursors);
  }

  /** @throws RedisUnavailableError by rejecting */
  async leave(cursors: readonly string[]): Promise<void> {
    const { group, node, lease } = this.member;
    await this.run(QUIT, [group, node, lease], cursors);
  }

  private async run(
    script: Script,
    args: readonly (string | number)[],
    cursors: readonly string[],
  ): Promise<void> {
    await this.batch.run(script, [this.keys.events], [...args, ...cursors.map(idOf)]);
  }
}
