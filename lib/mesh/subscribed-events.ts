import type { Client } from '../connection/index.js';
import type { MaybePromise } from '../maybe-promise.js';
import { contained, thrown } from '../monitoring/index.js';
import { type Code, encodeFrame, type RefusalDetails, RefusalError } from '../protocol/index.js';
import { PUBLIC } from './audience.js';
import { BEGINNING, hasReached } from './cursor.js';
import type { Delivery } from './delivery.js';
import type { LogEntry, LogPage } from './event-log.js';
import { OwnChannels } from './own-channels.js';
import type {
  ChannelMember,
  Subscriber,
  SubscriptionOutlet,
  SubscriptionSource,
} from './subscription.js';
import { SubscribedPatterns } from './subscribed-patterns.js';
import type { SubscriptionQueue } from './subscription-queue.js';

/** The maximum number of entries that one read returns. */
const PAGE = 32;
/** The queued bytes above which missed events are sent only as fast as the client reads. */
const CONGESTED = 65_536;
/** The pause before the next read if the log returns fewer entries than the feed has delivered, in milliseconds. */
const PAUSE = 10;
/** How long one missed event may wait for a slow client to read, in milliseconds. */
const MAX_STALL = 60_000;

interface AddedPatterns {
  readonly patterns: readonly string[];
  /** For each pattern, the cursor since which the client has the right. */
  readonly granted: ReadonlyMap<string, string>;
  /** Patterns of which the feed has already delivered events. */
  readonly received: readonly string[];
}

/** Sends the events of one client's subscriptions: from the feed, or from the log if the client has missed events. */
export class SubscribedEvents implements Subscriber, ChannelMember {
  readonly patterns = new SubscribedPatterns();
  readonly channels: OwnChannels;
  /** Whether the client accepts signatures that are the same for all clients. */
  isBroadcast = false;
  /** Whether events come from the feed. Missed events come from the log instead. */
  isLive = true;
  /** The position up to which entries were sent from the log. The feed must not send them again. */
  private sentUpTo: string | undefined;
  /** Whether this node has lost events since the last read of the log. */
  private hasLostEvents = false;
  /** Whether `end` was called. The socket closes later. */
  private hasEnded = false;

  constructor(
    private readonly outlet: SubscriptionOutlet,
    private readonly source: SubscriptionSource,
    private readonly queue: SubscriptionQueue,
  ) {
    this.channels = new OwnChannels(this, source);
  }

  get client(): Client {
    return this.outlet.client;
  }

  get isOpen(): boolean {
    return this.outlet.isOpen && !this.hasEnded;
  }

  /** The position up to which the client has received every event of its subscriptions. */
  get cursor(): string | undefined {
    const { position } = this.source;
    if (this.sentUpTo === undefined || position === undefined) return position;
    return this.isLive && hasReached(position, this.sentUpTo) ? position : this.sentUpTo;
  }

  /** Ends the connection. */
  end(code: Code, details?: RefusalDetails): void {
    this.hasEnded = true;
    this.outlet.end(code, details);
  }

  /** Adds patterns. @param granted for each pattern, the cursor since which the client has the right to public events */
  add(patterns: readonly string[], granted: ReadonlyMap<string, string>): void {
    for (const pattern of patterns) {
      const since = granted.get(pattern);
      const isKnown = this.patterns.since(pattern) !== undefined;
      this.patterns.add(pattern, since);
      if (this.isLive && since !== undefined && !isKnown) this.source.index.add(pattern, this);
    }
  }

  drop(patterns: readonly string[]): void {
    for (const pattern of patterns)
      if (this.patterns.delete(pattern) && this.isLive) this.source.index.remove(pattern, this);
  }

  /** Called by the hub for each public event that matches a pattern of the client. */
  deliver(delivery: Delivery): void {
    if (this.isNew(delivery)) delivery.sendTo(this.outlet, this.isBroadcast);
  }

  /** Called by the hub for each event of a channel of this client. */
  deliverOwn(delivery: Delivery): void {
    if (this.isLive && this.patterns.matches(delivery.entry.type) && this.isNew(delivery))
      delivery.sendTo(this.outlet, this.isBroadcast);
  }

  /** Called by the hub when this node has lost events. */
  reportGap(cursor: string): void {
    this.hasLostEvents = true;
    if (!this.isLive) return;
    if (this.sentUpTo === undefined) {
      if (this.patterns.size > 0) this.sendGap(cursor);
    } else {
      // The client may have received later entries than this node. Only the log knows whether the client missed any.
      this.leaveFeed();
      this.queue.run(() => this.resume());
    }
  }

  /** Reads the log of the client's channels. */
  read(after: string): MaybePromise<LogPage> {
    this.hasLostEvents = false;
    const channels = [PUBLIC, ...this.channels.names];
    return this.source.read(this.client, { channels, after, limit: PAGE });
  }

  /** Sends the events after the last one that the client received, if the client has left the feed. */
  async resume(): Promise<void> {
    const { sentUpTo } = this;
    if (this.isLive || sentUpTo === undefined) return;
    try {
      const page = await this.read(sentUpTo);
      await this.catchUp(
        page,
        { patterns: [], granted: new Map(), received: [] },
        page.isGap ? BEGINNING : sentUpTo,
      );
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Sends missed events from the log until the log has caught up with the feed. The feed then continues. Meanwhile the
   * events of all subscriptions of the client come from the log, so that they arrive in order.
   *
   * @param added the new patterns, and those of which the client has already received events
   * @param receivedBefore the position up to which the client has received the events of its other patterns
   */
  async catchUp(
    first: LogPage,
    added: AddedPatterns,
    receivedBefore = this.cursor ?? BEGINNING,
  ): Promise<void> {
    this.leaveFeed();
    this.add(added.patterns, added.granted);

    const isMissed = (entry: LogEntry) => {
      const own = this.channels.since(entry.channel);
      if (!hasReached(receivedBefore, entry.cursor)) return this.patterns.allow(entry, own);
      const isAdded = this.patterns.allow(entry, own, added.patterns);
      return isAdded && !this.patterns.allow(entry, own, added.received);
    };
    let page = first;
    try {
      for (;;) {
        // If no entry follows, send the cursor of the page: resuming from the beginning would report a gap again.
        if (page.isGap) this.sendGap(page.entries.some(isMissed) ? BEGINNING : page.cursor);
        for (const entry of page.entries) if (isMissed(entry)) await this.sendAtItsPace(entry);
        if (!this.isOpen) return;
        // If this node has lost events, read once more: the log must confirm that this position still exists.
        if (!this.hasLostEvents && hasReached(page.cursor, this.source.position ?? BEGINNING))
          break;
        if (page.isEnd) await pause();
        page = await this.read(page.cursor);
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    this.sentUpTo = page.cursor;
    this.isLive = true;
    for (const [pattern] of this.patterns.granted()) this.source.index.add(pattern, this);
  }

  /** Ends the connection, because the log cannot be read. The client reconnects and resumes from its last cursor. */
  private fail(error: unknown): void {
    this.end('UNAVAILABLE', { reason: RefusalError.is(error) ? error.reason : thrown(error) });
  }

  private isNew({ entry }: Delivery): boolean {
    if (this.sentUpTo === undefined) return true;
    if (hasReached(this.sentUpTo, entry.cursor)) return false;
    this.sentUpTo = undefined;
    return true;
  }

  private leaveFeed(): void {
    if (this.isLive)
      for (const [pattern] of this.patterns.granted()) this.source.index.remove(pattern, this);
    this.isLive = false;
  }

  private async sendAtItsPace(entry: LogEntry): Promise<void> {
    if (!this.isOpen) return;
    const delivery = this.source.deliveryOf(entry);
    if (this.outlet.queuedBytes < CONGESTED) {
      delivery.sendTo(this.outlet, this.isBroadcast);
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>(sent => {
      const stalled = contained(() => {
        this.end('SLOW_CONSUMER', { reason: 'the client does not read the events that it missed' });
        sent();
      });
      timer = setTimeout(stalled, MAX_STALL);
      delivery.sendTo(this.outlet, this.isBroadcast, sent);
    });
    clearTimeout(timer);
  }

  private sendGap(cursor: string): void {
    const patterns = this.patterns.all();
    const sealed = this.source.sealCursor(cursor);
    this.outlet.send(encodeFrame({ type: 'gap', patterns, cursor: sealed }));
  }
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, PAUSE));
}
