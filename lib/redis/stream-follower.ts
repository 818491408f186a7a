import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Clock } from '../clock.js';
import { BEGINNING, type LogEntry, type LogFollower, type LogPage } from '../mesh/index.js';
import { logUnexpected } from '../monitoring/index.js';
import { letGo } from './connection-ends.js';
import { followingConnection } from './following-connection.js';
import { READ_LUA } from './lua/event-log.lua.js';
import { MAX_PAGE_SIZE, pageOf, type ReadReply } from './log-reply.js';
import type { RedisClient } from './redis-options.js';

/** Where somebody is in a stream. */
export interface StreamPlace {
  readonly key: string;
  readonly position: string;
}

/** How long Redis waits for an entry; a log that was emptied is noticed as late as this. Milliseconds. */
const BLOCK = 1_000;
const BATCH = 128;
/** Entries, and milliseconds, after which sockets and timers have their turn. */
const ENTRIES_PER_TURN = 16;
const TIME_PER_TURN = 10;
/** Before what has failed is tried again, doubled each time, in milliseconds. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 500;
/** How long it may fail before that is told, in milliseconds: a Redis that is restarted is nothing new. */
const PATIENCE = 5_000;

/**
 * Tells of every entry of a stream from a place on. Each look proves that the entry told last is still there, and so
 * nothing was lost: over lost connections, restarts with and without memory, and clocks that go backwards.
 */
export class StreamFollower {
  private readonly logger = new Logger('EventMesh');
  private readonly closing = new AbortController();
  private readonly running: Promise<void>;
  private connection: RedisClient | undefined;
  private position: string;
  private isBehind = false;
  private failures = 0;
  private failingSince = 0;
  private isReported = false;
  private interrupt: ((error: Error) => void) | undefined;

  constructor(
    private readonly client: RedisClient,
    private readonly place: StreamPlace,
    private readonly follower: LogFollower,
    private readonly clock: Clock,
    private readonly commandTimeout: number,
  ) {
    this.position = place.position;
    this.running = this.run();
  }

  /** Takes no longer than Redis may take to let go of a connection. */
  async close(): Promise<void> {
    this.closing.abort();
    this.interrupt?.(new Error('closed'));
    const gone = this.drop();
    await Promise.all([this.running, gone]);
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private async run(): Promise<void> {
    while (!this.isClosed()) {
      try {
        const page = await this.next();
        this.succeeded();
        await this.tell(page);
      } catch (error) {
        if (this.isClosed()) return;
        void this.drop();
        this.failed(error);
        const pause = Math.min(FIRST_PAUSE * 2 ** (this.failures - 1), LONGEST_PAUSE);
        await wait(pause, undefined, { signal: this.closing.signal }).catch(() => undefined);
      }
    }
  }

  /** Waits for an entry, where there was none, and reads what there is. */
  private async next(): Promise<LogPage> {
    const { key } = this.place;
    this.connection ??= followingConnection(this.client, this.commandTimeout);
    if (this.connection.status === 'wait')
      await this.within(2 * this.commandTimeout, this.connection.connect());
    const pipeline = this.connection.pipeline();
    // Only to be woken up: in which form it answers depends on how the client of the application is set up.
    if (!this.isBehind) pipeline.xread('COUNT', 1, 'BLOCK', BLOCK, 'STREAMS', key, this.position);
    pipeline.eval(READ_LUA, 1, key, this.position, BATCH, MAX_PAGE_SIZE);
    const replies = await this.within(BLOCK + this.commandTimeout, pipeline.exec());
    const error = replies?.find(([failure]) => failure)?.[0];
    if (error) throw error;
    return pageOf(replies?.at(-1)?.[1] as ReadReply, this.position);
  }

  private async tell({ entries, isGap, isEnd }: LogPage): Promise<void> {
    this.isBehind = !isEnd;
    if (isGap) this.tellGap(entries[0]);
    let told = 0;
    let since = this.clock.monotonic();
    for (const entry of entries) {
      this.position = entry.cursor;
      this.tellEntry(entry);
      if (++told % ENTRIES_PER_TURN !== 0 && this.clock.monotonic() - since < TIME_PER_TURN)
        continue;
      await turn();
      since = this.clock.monotonic();
      if (this.isClosed()) return;
    }
  }

  /** What comes first in a log that was empty is nothing that was lost: a client can resume behind it. */
  private tellGap(first: LogEntry | undefined): void {
    const isNote = first?.type === '';
    this.attempt(() => {
      this.follower.gap(isNote ? first.cursor : BEGINNING);
    });
  }

  private tellEntry(entry: LogEntry): void {
    this.attempt(() => {
      this.follower.entry(entry);
    });
  }

  /** Who is told of one entry must not keep the next from everybody. */
  private attempt(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      logUnexpected(this.logger, error);
    }
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
    if (this.isReported || now - this.failingSince < PATIENCE) return;
    this.isReported = true;
    // Nothing but the message: an error of ioredis holds the command.
    this.logger.error(`Events of other nodes do not arrive: ${(error as Error).message}`);
  }

  /** Gives up a connection, and whatever is on its way over it. */
  private async drop(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    this.isBehind = false;
    if (connection) await letGo(connection);
  }

  private async within<T>(time: number, promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      this.interrupt = reject;
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${time} ms`));
      }, time);
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
