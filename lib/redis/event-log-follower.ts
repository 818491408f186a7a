import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { inTime } from '../maybe-promise.js';
import {
  hasReached,
  idOf,
  type LogEntry,
  type LogFollower,
  mergeParts,
  parseCursor,
  PUBLIC,
} from '../mesh/index.js';
import { attempt, contained, errorText, logUnexpected } from '../monitoring/index.js';
import { closeConnection } from './connection-ends.js';
import { Deferred } from './deferred.js';
import type { EventLogKeys } from './event-log-keys.js';
import { type EventLogReader, MAX_CHANNELS, placeOf } from './event-log-reader.js';
import { subscriberConnection, type SubscriberConnection } from './subscriber-connection.js';
import type { RedisClient } from './redis-options.js';

/** The interval at which the nodes together publish the end of the log, in milliseconds. */
export const TICK = 1_000;
/** A connection that receives no message for this time is replaced. Milliseconds. */
const SILENCE = 3 * TICK;
/** The pause before a failed attempt is retried, in milliseconds. It doubles with each retry. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 500;
/** How long attempts may fail before the failure is logged, in milliseconds. A restart of Redis takes less. */
const LOG_DELAY = 5_000;
/** The maximum number of entries of each channel that one read returns after a reconnection. */
const PAGE = 256;
/** The numbers of entries and milliseconds after which delivery yields to sockets and timers. */
const ENTRIES_PER_TURN = 16;
const TIME_PER_TURN = 10;
/**
 * The maximum number of waiting messages, and of their characters. Beyond it the connection is replaced, and the rest is read from
 * the log.
 */
const MAX_WAITING = 20_000;
const MAX_WAITING_SIZE = 33_554_432;

/** A message of the log: an entry, or only the end of the log. */
interface Message {
  readonly epoch: string;
  readonly id: string;
  readonly entry: LogEntry | undefined;
}

/** Ends a turn after some entries, or some time, so that sockets and timers are not delayed. */
class DeliveryTurns {
  private delivered = 0;
  private since: number;

  constructor(private readonly clock: Clock) {
    this.since = clock.monotonic();
  }

  /** Counts a delivered entry. @returns whether the turn must end */
  isOver(): boolean {
    return (
      ++this.delivered % ENTRIES_PER_TURN === 0 ||
      this.clock.monotonic() - this.since >= TIME_PER_TURN
    );
  }

  async next(): Promise<void> {
    await turn();
    this.since = this.clock.monotonic();
  }
}

/**
 * Delivers the entries that are published in the channels of this node. Redis publishes entries in the order of their ids, so
 * no entry before the last message is missing. After a reconnection, missed entries are read from the log.
 */
export class EventLogFollower {
  private readonly logger = new Logger('EventMesh');
  private readonly closing = new AbortController();
  /** The channels of this node, with the number of listeners of each. */
  private readonly channels = new Map<string, number>([[PUBLIC, 1]]);
  /** The subscriptions to channels, pending or done. A failed one is missing, so that the next listener tries again. */
  private readonly subscribed = new Map<string, Promise<void>>();
  /** The channels by their names in Redis messages. */
  private readonly names = new Map<string, string>();
  /** Resolves when the first connection has subscribed to its channels. */
  private readonly connected = new Deferred<undefined>();
  private connection: SubscriberConnection | undefined;
  private readonly prefix: string;
  private waiting: Message[] = [];
  private waitingSize = 0;
  /** Whether messages wait until missed entries have been read. */
  private isSyncing = true;
  private isDelivering = false;
  private lastMessageAt = 0;
  private ticker: NodeJS.Timeout | undefined;
  private failures = 0;
  private failingSince = 0;
  private isReported = false;
  private running: Promise<void> = Promise.resolve();
  private position: string;
  private broken: ((error: Error) => void) | undefined;

  constructor(
    private readonly client: RedisClient,
    private readonly keys: EventLogKeys,
    private readonly reader: EventLogReader,
    private readonly follower: LogFollower,
    private readonly clock: Clock,
    private readonly commandTimeout: number,
    position: string,
  ) {
    this.position = position;
    this.prefix = keyPrefixOf(client);
    this.addName(PUBLIC);
    reader.onLoss(epoch => {
      this.lost(epoch);
    });
  }

  start(): void {
    this.running = this.run();
    const check = contained(() => {
      this.checkSilence();
    });
    this.ticker = setInterval(check, TICK).unref();
  }

  /** Listens to a channel. Resolves when every entry that is published in it from then on is received. */
  async listen(channel: string): Promise<void> {
    this.channels.set(channel, (this.channels.get(channel) ?? 0) + 1);
    let subscribed = this.subscribed.get(channel);
    if (!subscribed) {
      this.addName(channel);
      subscribed = this.subscribe(channel);
      this.subscribed.set(channel, subscribed);
    }
    try {
      await subscribed;
    } catch (error) {
      if (this.subscribed.get(channel) === subscribed) this.subscribed.delete(channel);
      throw error;
    }
  }

  unlisten(channel: string): void {
    const count = (this.channels.get(channel) ?? 0) - 1;
    if (count > 0) {
      this.channels.set(channel, count);
      return;
    }
    this.channels.delete(channel);
    this.subscribed.delete(channel);
    this.names.delete(this.nameOf(channel));
    this.connection?.unsubscribe(this.nameOf(channel));
  }

  private async subscribe(channel: string): Promise<void> {
    const late = 'the channels of the event log cannot be subscribed to';
    await inTime(this.connected.promise, 2 * this.commandTimeout, late);
    // If the connection is lost, the next one subscribes to all channels and reads missed entries.
    await this.connection?.subscribe([this.nameOf(channel)]);
  }

  /** Stops following. Waits for the connection to close, but no longer than `closeConnection`. */
  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.ticker);
    this.broken?.(new Error('closed'));
    await Promise.all([this.running, this.drop()]);
  }

  /** Replaces the connection. After a fail-over it may lead to the wrong server. */
  reconnect(reason: string): void {
    this.broken?.(new Error(reason));
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Whether messages are delivered when they arrive. */
  private isDue(): boolean {
    return !this.isSyncing && !this.isClosed();
  }

  private async run(): Promise<void> {
    while (!this.isClosed()) {
      const broken = new Promise<never>((_, reject) => {
        this.broken = reject;
      });
      try {
        await Promise.race([this.connect(), broken]);
        await broken;
      } catch (error) {
        if (this.isClosed()) return;
        this.broken = undefined;
        attempt(() => this.drop());
        this.failed(error);
        const pause = Math.min(FIRST_PAUSE * 2 ** (this.failures - 1), LONGEST_PAUSE);
        await wait(pause, undefined, { signal: this.closing.signal }).catch(() => undefined);
      }
    }
  }

  private async connect(): Promise<void> {
    this.isSyncing = true;
    this.takeWaiting();
    const { broken } = this;
    // A replaced connection may still receive messages and replies. They must not change what the next one has begun.
    const isCurrent = () => this.broken === broken && !this.isClosed();
    const connection = await subscriberConnection(this.client, this.nameOf(PUBLIC), {
      commandTimeout: this.commandTimeout,
      message: (name, text) => {
        if (isCurrent()) this.received(name, text);
      },
      closed: error => {
        broken?.(error);
      },
    });
    if (!isCurrent()) {
      await closeConnection(connection.redis);
      return;
    }
    this.connection = connection;
    this.lastMessageAt = this.clock.monotonic();
    await connection.subscribe([...this.names.keys()]);
    await this.catchUp(isCurrent);
    if (!isCurrent()) return;
    this.isSyncing = false;
    this.succeeded();
    this.connected.resolve(undefined);
    attempt(() => this.deliver());
  }

  /** Reads the entries that were missed while there was no connection. Later ones have arrived as messages. */
  private async catchUp(isCurrent: () => boolean): Promise<void> {
    const end = await this.reader.tick(TICK);
    const channels = [...this.channels.keys()];
    while (isCurrent() && !hasReached(this.position, end)) {
      const after = placeOf(this.position);
      const parts = [];
      for (let at = 0; at < channels.length; at += MAX_CHANNELS) {
        const read = await this.reader.read(channels.slice(at, at + MAX_CHANNELS), after, PAGE);
        parts.push(...read.parts);
      }
      const page = mergeParts(parts, Infinity, end);
      if (page.isGap) this.reportGap();
      await this.deliverEntries(page.entries);
      if (hasReached(page.cursor, this.position)) this.position = page.cursor;
      if (page.isEnd) return;
    }
  }

  private received(name: string, text: string): void {
    this.lastMessageAt = this.clock.monotonic();
    const channel = this.names.get(name);
    if (channel === undefined) return;
    const message = parseMessage(channel, text);
    if (!message) return;
    if (this.waiting.length >= MAX_WAITING || this.waitingSize >= MAX_WAITING_SIZE) {
      this.reconnect('too many events wait');
      return;
    }
    this.waiting.push(message);
    this.waitingSize += text.length;
    if (!this.isSyncing && !this.isDelivering) attempt(() => this.deliver());
  }

  private takeWaiting(): Message[] {
    const { waiting } = this;
    this.waiting = [];
    this.waitingSize = 0;
    return waiting;
  }

  private async deliver(): Promise<void> {
    if (this.isDelivering) return;
    this.isDelivering = true;
    const turns = new DeliveryTurns(this.clock);
    while (this.waiting.length > 0 && this.isDue()) {
      for (const { epoch, id, entry } of this.takeWaiting()) {
        this.reader.note(epoch, id);
        this.deliverOne(`${epoch}.${id}`, entry);
        if (!turns.isOver()) continue;
        await turns.next();
        // The remaining messages are read from the log.
        if (!this.isDue()) break;
      }
    }
    this.isDelivering = false;
  }

  private async deliverEntries(entries: readonly LogEntry[]): Promise<void> {
    const turns = new DeliveryTurns(this.clock);
    for (const entry of entries) {
      this.deliverOne(entry.cursor, entry);
      if (turns.isOver()) await turns.next();
    }
  }

  /** Delivers an entry, or the end of the log, unless it was already delivered. */
  private deliverOne(cursor: string, entry: LogEntry | undefined): void {
    if (hasReached(this.position, cursor)) return;
    this.position = cursor;
    this.attempt(() => {
      if (entry) this.follower.entry(entry);
      else this.follower.reached?.(cursor);
    });
  }

  /** Reports a gap after a change of the epoch: entries that this node has not received may be lost. Ids still grow. */
  private lost(epoch: string): void {
    this.position = `${epoch}.${idOf(this.position)}`;
    this.reportGap();
  }

  private reportGap(): void {
    this.attempt(() => {
      this.follower.gap(this.position);
    });
  }

  /** Calls the follower. An error must not stop the delivery of further entries. */
  private attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      logUnexpected(this.logger, error);
    }
  }

  private checkSilence(): void {
    if (this.isSyncing) return;
    // If Redis cannot be reached, the link reports it.
    this.reader.tick(TICK).catch(() => undefined);
    if (this.clock.monotonic() - this.lastMessageAt > SILENCE)
      this.reconnect('no message from Redis');
  }

  private succeeded(): void {
    this.failures = 0;
    if (!this.isReported) return;
    this.isReported = false;
    this.logger.log('Events of other nodes arrive again');
  }

  private failed(error: unknown): void {
    const now = this.clock.monotonic();
    if (++this.failures === 1) this.failingSince = now;
    if (this.isReported || now - this.failingSince < LOG_DELAY) return;
    this.isReported = true;
    // Log only the message: an ioredis error contains the command.
    this.logger.error(`Events of other nodes do not arrive: ${errorText(error, 'message')}`);
  }

  private async drop(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    this.isSyncing = true;
    if (connection) await closeConnection(connection.redis);
  }

  private nameOf(channel: string): string {
    return this.prefix + this.keys.stream(channel) + this.keys.channelSuffix;
  }

  private addName(channel: string): void {
    this.names.set(this.nameOf(channel), channel);
  }
}

/** Parses a message of the scripts: epoch, id and type, and then the event on a separate line. */
function parseMessage(channel: string, text: string): Message | undefined {
  const at = text.indexOf('\n');
  const line = at < 0 ? text : text.slice(0, at);
  const [epoch = '', id = ''] = line.split(' ', 2);
  // A type may contain spaces.
  const type = line.slice(epoch.length + id.length + 2);
  const entry =
    at < 0 ? undefined : { cursor: `${epoch}.${id}`, channel, type, text: text.slice(at + 1) };
  return parseCursor(`${epoch}.${id}`) ? { epoch, id, entry } : undefined;
}

function keyPrefixOf({ options }: RedisClient): string {
  const { keyPrefix, redisOptions } = options as Redis['options'] & {
    redisOptions?: { keyPrefix?: string };
  };
  return keyPrefix ?? redisOptions?.keyPrefix ?? '';
}
