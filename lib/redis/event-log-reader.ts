import {
  type HistoryPart,
  laterOf,
  type LogEntry,
  parseCursor,
  type Place,
} from '../mesh/index.js';
import type { EventLogKeys } from './event-log-keys.js';
import { READ_LUA, TICK_LUA } from './lua/event-log.lua.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const READ = new Script(READ_LUA);
const TICK = new Script(TICK_LUA);

/** The maximum number of entries of a channel that one read returns. A read blocks Redis. */
const MAX_PAGE = 1_000;
/** The number of characters of a channel after which a page ends. */
const MAX_PAGE_SIZE = 262_144;
/** The maximum number of channels in one read. */
export const MAX_CHANNELS = 256;

type ReadReply = [
  epoch: string,
  last: string,
  parts: [isGap: number, dropped: string, more: number, entries: [string, string, string][]][],
  reached: string,
];

/** The result of reading several channels. */
export interface ReadParts {
  readonly epoch: string;
  /** The end of the log at the time of the read. */
  readonly end: string;
  readonly parts: readonly (HistoryPart & { readonly dropped: string | undefined })[];
}

/** Reads the log from Redis, and detects a change of its epoch. */
export class EventLogReader {
  /** The last id that this node has read or appended. */
  private known = '0-0';
  private readonly listeners: ((epoch: string) => void)[] = [];
  private current = '';
  /** The last id that this node knew when it lost a connection. The new server may lack its entry. */
  private unchecked: string | undefined;
  private generation: number;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: EventLogKeys,
    private readonly node: string,
    private readonly newEpoch: () => string,
  ) {
    this.generation = batch.generation;
  }

  /** The last known epoch of the log. It is empty until the log was read. */
  get epoch(): string {
    return this.current;
  }

  /** Arguments that let every script detect a loss: the last known id, and the epoch to begin after a loss. */
  get knowledge(): [known: string, candidate: string] {
    return [this.known, this.newEpoch()];
  }

  /** Calls a function when the epoch of the log has changed. */
  onLoss(listener: (epoch: string) => void): void {
    this.listeners.push(listener);
  }

  /** Stores the epoch of the log and an id of that epoch. */
  note(epoch: string, id: string): void {
    this.noteLostConnection();
    const isNew = later(this.known, id) !== this.known;
    if (isNew) this.known = id;
    if (epoch === this.current) return;
    const isFirst = this.current === '';
    // A reply from before the loss may arrive late.
    if (!isFirst && !isNew) return;
    this.current = epoch;
    if (!isFirst) for (const listener of this.listeners) listener(epoch);
  }

  /** Keeps the last known id after a lost connection. A later id would hide that the new server lacks the entry. */
  private noteLostConnection(): void {
    const { generation } = this.batch;
    if (generation === this.generation) return;
    this.generation = generation;
    this.unchecked ??= this.known;
  }

  /**
   * Reads channels.
   *
   * @param after the position before the first entry; undefined starts at the oldest entry
   * @param limit the maximum number of entries of each channel
   * @param total the maximum number of entries of all channels together; the oldest ones are read
   */
  async read(
    channels: readonly string[],
    after: Place | undefined,
    limit: number,
    total?: number,
  ): Promise<ReadParts> {
    const keys = [this.keys.state, this.keys.channels];
    for (const channel of channels) keys.push(this.keys.stream(channel));
    const from = after ? [after.epoch, `${after.time}-${after.number}`] : ['', ''];
    const reply = await this.batch.run(READ, keys, [
      ...this.knowledge,
      ...from,
      Math.min(limit, MAX_PAGE),
      MAX_PAGE_SIZE,
      total === undefined ? 0 : Math.min(total, MAX_PAGE),
      ...channels,
    ]);
    const [epoch, last, found, reached] = reply as ReadReply;
    this.note(epoch, last);
    const cursorAt = (id: string) => `${epoch}.${id}`;
    return {
      epoch,
      end: cursorAt(last),
      parts: found.map(([isGap, dropped, more, entries], index) => {
        const channel = channels[index] ?? '';
        const read: LogEntry[] = entries.map(([id, type, text]) => ({
          cursor: cursorAt(id),
          channel,
          type,
          text,
        }));
        return {
          entries: read,
          until: more === 1 ? (reached ? cursorAt(reached) : read.at(-1)?.cursor) : undefined,
          isGap: isGap === 1,
          // Finding the position in a channel costs about as much as an entry.
          scanned: total === undefined ? read.length : read.length + 1,
          dropped: dropped === '' ? undefined : cursorAt(dropped),
        };
      }),
    };
  }

  /** Returns the end of the log. Publishes it to all nodes, unless a node has done so within `interval` milliseconds. */
  async tick(interval: number): Promise<string> {
    const { state, tick, events, nodes, index, channels } = this.keys;
    this.noteLostConnection();
    const { generation } = this;
    const args = [
      this.unchecked ?? this.known,
      this.newEpoch(),
      interval,
      this.node,
      this.keys.channelSuffix,
    ];
    const keys = [state, tick, events, nodes, index, channels];
    const reply = await this.batch.run(TICK, keys, args);
    this.noteLostConnection();
    if (this.generation === generation) this.unchecked = undefined;
    const [epoch, last] = reply as [string, string];
    this.note(epoch, last);
    return `${epoch}.${last}`;
  }
}

function later(id: string, other: string): string {
  const [a, b] = [`000000.${id}`, `000000.${other}`];
  return laterOf(a, b) === a ? id : other;
}

/** Returns the place of a cursor. For an invalid cursor it returns the place of `BEGINNING`. */
export function placeOf(cursor: string): Place {
  return parseCursor(cursor) ?? { epoch: '000000', time: 0, number: 0 };
}
