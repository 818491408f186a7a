import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import {
  type EventGroup,
  EventLog,
  hasReached,
  type HistoryPart,
  idOf,
  type LogFollower,
  type LogPage,
  type LogQuery,
  MAX_RIGHTS,
  mergeParts,
  type NewEntry,
  PUBLIC,
} from '../mesh/index.js';
import { errorText } from '../monitoring/index.js';
import { EventLogFollower, TICK } from './event-log-follower.js';
import { EventLogKeys } from './event-log-keys.js';
import { EventLogReader, MAX_CHANNELS, placeOf } from './event-log-reader.js';
import { APPEND_LUA, UNREGISTER_LUA, GRANT_LUA, WITHDRAW_LUA } from './lua/event-log.lua.js';
import { PublicEventsCopy } from './public-events-copy.js';
import { RedisEventGroup } from './redis-event-group.js';
import type { RedisLink } from './redis-link.js';
import { databaseOf } from './redis-options.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const GRANT = new Script(GRANT_LUA);
const WITHDRAW = new Script(WITHDRAW_LUA);
const UNREGISTER = new Script(UNREGISTER_LUA);

/** The maximum number of unconfirmed events. Further events are rejected, because they could not be stored in time. */
export const MAX_UNSTORED = 10_000;
/** How long Redis keeps the number of a node's last event, in milliseconds. A fail-over takes less. */
const PUBLISHER_TTL = 3_600_000;
/** How long Redis remembers the rights of a user, in milliseconds. */
const GRANT_TTL = 86_400_000;

export interface RedisEventLogOptions {
  /** The name of this node, unique among all nodes that share the Redis. */
  readonly node: string;
  readonly maxEvents: number;
  /** The maximum number of stored characters of public events, and separately of addressed events. */
  readonly maxHistorySize: number;
  readonly maxEventsPerAudience: number;
  readonly maxHistorySizePerAudience: number;
  /** Milliseconds. */
  readonly commandTimeout: number;
  /** How long a node keeps an event that it has claimed from a group. Milliseconds. */
  readonly lease: number;
}

/**
 * The event log of several nodes: one Redis Stream for public events, and one for each audience. All streams share one sequence
 * of ids. An event is published in the channel of its stream, so that only nodes with a receiver receive it.
 *
 * A node that follows the log keeps a copy of the public events. Clients that resume read this copy, which costs Redis nothing.
 */
export class RedisEventLog extends EventLog {
  private readonly keys: EventLogKeys;
  private readonly reader: EventLogReader;
  private sent = 0;
  /** The highest number that Redis has confirmed. */
  private acknowledged = 0;
  private unstored = 0;
  private follower: EventLogFollower | undefined;
  private isClosed = false;
  private readonly copy: PublicEventsCopy;

  constructor(
    private readonly link: RedisLink,
    private readonly batch: ScriptBatch,
    eventsKey: string,
    private readonly clock: Clock,
    private readonly options: RedisEventLogOptions,
  ) {
    super();
    this.keys = new EventLogKeys(eventsKey, databaseOf(link.client));
    this.reader = new EventLogReader(batch, this.keys, options.node, newEpoch);
    this.copy = new PublicEventsCopy(this.reader, options);
    link.onUp(() => {
      this.follower?.reconnect('Redis was replaced');
      // Report this node as alive: a publishing node that does not report counts as lost, and a new epoch begins. Report the last
      // entry that it knows before it learns later ones: only then the loss of that entry shows.
      if (this.sent > 0 || this.follower) this.reader.tick(TICK).catch(() => undefined);
    });
  }

  /** @throws RedisUnavailableError by rejecting; the event may be stored nevertheless */
  override async append(entry: NewEntry): Promise<string> {
    if (this.unstored >= MAX_UNSTORED)
      throw new RedisUnavailableError('too many events wait for a reply');
    this.unstored++;
    try {
      return await this.send(entry);
    } finally {
      this.unstored--;
    }
  }

  /** @throws RedisUnavailableError by rejecting */
  override async read({ channels, after, limit, matches }: LogQuery): Promise<LogPage> {
    const place = after === undefined ? undefined : placeOf(after);
    const isCopied = this.follower !== undefined && channels.includes(PUBLIC);
    const remote = isCopied ? channels.filter(channel => channel !== PUBLIC) : channels;
    const parts: HistoryPart[] = [];
    let end: string | undefined;
    for (let at = 0; at < remote.length; at += MAX_CHANNELS) {
      const some = remote.slice(at, at + MAX_CHANNELS);
      const read = await this.reader.read(some, place, limit, limit);
      // The first reply is the oldest: all channels are read up to its end.
      end ??= read.end;
      parts.push(...read.parts);
    }
    if (isCopied) {
      const { position } = this.copy;
      parts.push(await this.copy.read(place, limit, matches));
      if (end === undefined || hasReached(end, position)) end = position;
    }
    return mergeParts(
      parts.map(part => matching(part, matches)),
      limit,
      end ?? '',
    );
  }

  /** @throws RedisUnavailableError by rejecting */
  override async follow(follower: LogFollower): Promise<string> {
    const position = await this.reader.tick(1);
    if (this.isClosed) throw new RedisUnavailableError('the store is closed');
    this.copy.begin(position);
    const { client } = this.link;
    const { commandTimeout } = this.options;
    this.follower = new EventLogFollower(
      client,
      this.keys,
      this.reader,
      this.copy.following(follower),
      this.clock,
      commandTimeout,
      position,
    );
    this.follower.start();
    return position;
  }

  /** @throws RedisUnavailableError by rejecting */
  override async listen(channel: string): Promise<void> {
    try {
      await this.follower?.listen(channel);
    } catch (error) {
      throw new RedisUnavailableError(errorText(error, 'message'), error);
    }
  }

  override unlisten(channel: string): void {
    this.follower?.unlisten(channel);
  }

  /** @throws RedisUnavailableError by rejecting */
  override async grant(user: string, pattern: string, since?: string): Promise<string> {
    const id = await this.batch.run(
      GRANT,
      [this.keys.state, this.keys.grants(user)],
      [
        ...this.reader.knowledge,
        pattern,
        since === undefined ? '' : idOf(since),
        GRANT_TTL,
        MAX_RIGHTS,
      ],
    );
    return `000000.${String(id)}`;
  }

  /** @throws RedisUnavailableError by rejecting */
  override async withdraw(user: string, pattern?: string): Promise<void> {
    await this.batch.run(
      WITHDRAW,
      [this.keys.grants(user)],
      pattern === undefined ? [] : [pattern],
    );
  }

  override openGroup(name: string, after: string): EventGroup {
    const { node, lease } = this.options;
    return new RedisEventGroup(
      this.batch,
      this.keys,
      this.reader,
      { group: name, node, lease },
      after,
    );
  }

  async close(): Promise<void> {
    this.isClosed = true;
    // Unregister this node: otherwise it counts as missing when Redis fails over.
    const unregistering = this.sent > 0 || this.follower ? this.unregister() : undefined;
    await Promise.all([unregistering, this.follower?.close()]);
  }

  private async unregister(): Promise<void> {
    await this.batch.run(UNREGISTER, [this.keys.nodes], [this.options.node]).catch(() => undefined);
  }

  /** Sends an event, numbered in the order of sending. `EVALSHA` could break the order: it repeats unknown scripts later. */
  private async send({ channel, type, text }: NewEntry): Promise<string> {
    const { state, channels, index, nodes, sizes } = this.keys;
    const publisher = this.keys.publisher(this.options.node);
    const keys = [state, channels, index, publisher, this.keys.stream(channel), nodes, sizes];
    let number = 0;
    const [reply] = await this.link.exchange(pipeline => {
      number = ++this.sent;
      pipeline.eval(
        APPEND_LUA,
        keys.length,
        ...keys,
        number,
        this.acknowledged,
        ...this.reader.knowledge,
        PUBLISHER_TTL,
        channel,
        type,
        text,
        ...this.boundsOf(channel),
        this.options.node,
        this.keys.channelSuffix,
      );
    });
    const [error, result] = reply ?? [new Error('no reply'), undefined];
    if (error) throw new RedisUnavailableError(errorText(error, 'message'), error);
    if (!Array.isArray(result))
      throw new RedisUnavailableError('the connection was lost while the event was stored');
    const [epoch, id] = result as [string, string];
    this.acknowledged = Math.max(this.acknowledged, number);
    this.reader.note(epoch, id);
    return `${epoch}.${id}`;
  }

  private boundsOf(channel: string): number[] {
    const { maxEvents, maxHistorySize, maxEventsPerAudience, maxHistorySizePerAudience } =
      this.options;
    const all = [maxEvents, maxHistorySize];
    return channel === PUBLIC
      ? [...all, ...all]
      : [maxEventsPerAudience, maxHistorySizePerAudience, ...all];
  }
}

function newEpoch(): string {
  return randomBytes(3).toString('hex');
}

function matching(part: HistoryPart, matches: LogQuery['matches']): HistoryPart {
  if (!matches) return part;
  return { ...part, entries: part.entries.filter(({ type }) => matches(type)) };
}
