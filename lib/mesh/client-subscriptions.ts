import type { Client } from '../connection/index.js';
import { matchesPattern } from '../event/index.js';
import { isThenable, type MaybePromise } from '../maybe-promise.js';
import { encodeFrame, RefusalError, type SubscriptionMembers } from '../protocol/index.js';
import { BEGINNING, hasReached } from './cursor.js';
import type { Delivery } from './delivery.js';
import type { LogEntry, LogPage } from './event-log.js';
import type { Subscriber, SubscriptionOutlet, SubscriptionSource } from './subscription.js';
import { readSubscription, requestIdOf } from './subscription-request.js';

/** Frames of one client that may wait for the one before: it may take and give up 32 patterns one by one. */
const MAX_WAITING = 64;
/** Entries read from the log at once. */
const PAGE = 32;
/** Above this many bytes, what a client missed is sent only as fast as it reads. */
const CONGESTED = 65_536;
/** Before a log is asked again that is behind its follower, in milliseconds. */
const PAUSE = 10;

/** What one client listens to, and how far it has been told. */
export class ClientSubscriptions implements Subscriber {
  /** Patterns the client may listen to and does. */
  private readonly patterns = new Set<string>();
  private isBroadcast = false;
  /** Whether events come from the feed; not while the client is told what it missed. */
  private isLive = true;
  /** What the feed brings up to here was told from the log already. */
  private told: string | undefined;
  /** Whether the node has lost events since the log was last read. */
  private isShaken = false;
  private work: Promise<void> = Promise.resolve();
  private waiting = 0;
  /** Grows whenever what the client may listen to may have changed. */
  private rights = 0;

  constructor(
    private readonly outlet: SubscriptionOutlet,
    private readonly hub: SubscriptionSource,
  ) {}

  get client(): Client {
    return this.outlet.client;
  }

  get isSubscribed(): boolean {
    return this.patterns.size > 0;
  }

  subscribe(frame: SubscriptionMembers): void {
    this.enqueue(frame, async () => {
      const { patterns, since, isBroadcast, id } = readSubscription(frame, this.maxPatterns);
      const added = patterns.filter(pattern => !this.patterns.has(pattern));
      if (this.patterns.size + added.length > this.maxPatterns) throw new RefusalError('FORBIDDEN');
      let rights: number;
      let position: string;
      let page: LogPage | undefined;
      do {
        ({ rights } = this);
        await this.authorize(patterns);
        position = await this.hub.start();
        await this.resume();
        if (since !== undefined) page = await this.read(since);
        // An answer that was given before rights changed says nothing of what they are now.
      } while (rights !== this.rights || (!this.isLive && this.outlet.isOpen));
      if (!this.outlet.isOpen) return;
      this.isBroadcast = isBroadcast ?? this.isBroadcast;
      if (page) {
        const cursor = page.isGap ? BEGINNING : (since ?? BEGINNING);
        this.outlet.send(encodeFrame({ type: 'subscribed', patterns, cursor, id }));
        await this.catchUp(page, patterns);
      } else {
        this.listen(patterns);
        const { cursor = position } = this;
        this.outlet.send(encodeFrame({ type: 'subscribed', patterns, cursor, id }));
      }
    });
  }

  unsubscribe(frame: SubscriptionMembers): void {
    this.enqueue(frame, () => {
      const { patterns, id } = readSubscription(frame, this.maxPatterns);
      this.drop(patterns);
      this.outlet.send(encodeFrame({ type: 'unsubscribed', patterns, id }));
      return Promise.resolve();
    });
  }

  /**
   * Asks again whether the client may listen to what it does, and tells it what it may not any more: at once where
   * the authorizer answers at once.
   */
  reauthorize(): MaybePromise<void> {
    this.rights++;
    const asked = [...this.patterns];
    const answers = asked.map(pattern => this.hub.allows(this.client, pattern));
    const withdraw = (allowed: readonly unknown[]) => {
      this.withdraw(asked.filter((_, index) => allowed[index] !== true));
    };
    if (answers.some(isThenable))
      return Promise.all(answers.map(async answer => answer)).then(withdraw);
    withdraw(answers);
  }

  /** Called by the hub for an event that matches. */
  deliver(delivery: Delivery): void {
    if (this.told !== undefined) {
      if (hasReached(this.told, delivery.entry.cursor)) return;
      this.told = undefined;
    }
    delivery.sendTo(this.outlet, this.isBroadcast);
  }

  /** Called by the hub when events were lost on their way to this node. */
  tellGap(cursor: string): void {
    this.isShaken = true;
    if (!this.isLive) return;
    if (this.told === undefined) {
      if (this.patterns.size > 0) this.sendGap(cursor);
    } else {
      // It may have been told more than this node was: whether it has missed anything, only the log knows.
      this.leaveFeed();
      this.run(undefined, () => this.resume());
    }
  }

  close(): void {
    this.drop([...this.patterns]);
  }

  private get maxPatterns(): number {
    return this.hub.maxPatterns;
  }

  /** Up to where the client has been told everything it listens to. */
  private get cursor(): string | undefined {
    const { position } = this.hub;
    if (this.told === undefined || position === undefined) return position;
    return this.isLive && hasReached(position, this.told) ? position : this.told;
  }

  /** One frame after the other, as they came. */
  private enqueue(frame: SubscriptionMembers, task: () => Promise<void>): void {
    const id = requestIdOf(frame);
    if (this.waiting >= MAX_WAITING) this.outlet.refuse('RATE_LIMITED', { id });
    else this.run(id, task);
  }

  private run(id: string | undefined, task: () => Promise<void>): void {
    this.waiting++;
    this.work = this.work.then(task).catch((error: unknown) => {
      this.outlet.refuse(this.hub.codeOf(error), { id });
    });
    void this.work.finally(() => {
      this.waiting--;
    });
  }

  /** @throws RefusalError `FORBIDDEN` */
  private async authorize(patterns: readonly string[]): Promise<void> {
    const allowed = await Promise.all(
      patterns.map(async pattern => this.hub.allows(this.client, pattern)),
    );
    if (!allowed.every(Boolean)) throw new RefusalError('FORBIDDEN');
  }

  private listen(patterns: readonly string[]): void {
    for (const pattern of patterns) {
      if (this.patterns.has(pattern)) continue;
      this.patterns.add(pattern);
      if (this.isLive) this.hub.index.add(pattern, this);
    }
  }

  private withdraw(patterns: readonly string[]): void {
    // Some may have been given up while the authorizer was asked.
    const withdrawn = patterns.filter(pattern => this.patterns.has(pattern));
    if (withdrawn.length === 0) return;
    this.drop(withdrawn);
    this.outlet.send(encodeFrame({ type: 'unsubscribed', patterns: withdrawn }));
  }

  private drop(patterns: readonly string[]): void {
    for (const pattern of patterns)
      if (this.patterns.delete(pattern) && this.isLive) this.hub.index.remove(pattern, this);
  }

  private read(after: string): MaybePromise<LogPage> {
    this.isShaken = false;
    return this.hub.read(after, PAGE);
  }

  private leaveFeed(): void {
    if (this.isLive) for (const pattern of this.patterns) this.hub.index.remove(pattern, this);
    this.isLive = false;
  }

  /** Goes on behind what the client was told, if it is away from the feed. */
  private async resume(): Promise<void> {
    const { told } = this;
    if (this.isLive || told === undefined) return;
    try {
      const page = await this.read(told);
      await this.catchUp(page, [], page.isGap ? BEGINNING : told);
    } catch {
      this.outlet.end('UNAVAILABLE');
    }
  }

  /**
   * Tells the client from the log what it missed, until that is as far as the feed, which then takes over. Meanwhile
   * its other subscriptions are told from the log as well, so that everything comes in order.
   *
   * @param patterns what it listens to from now on
   * @param toldBefore up to where it was told of the rest
   */
  private async catchUp(
    first: LogPage,
    patterns: readonly string[],
    toldBefore = this.cursor ?? BEGINNING,
  ): Promise<void> {
    this.leaveFeed();
    this.listen(patterns);

    const isMissed = ({ type, cursor: at }: LogEntry) =>
      (hasReached(toldBefore, at) ? patterns : [...this.patterns]).some(
        pattern => this.patterns.has(pattern) && matchesPattern(type, pattern),
      );
    let page = first;
    try {
      for (;;) {
        // Where nothing comes that has a later cursor, this one is kept: the beginning would be a gap again.
        if (page.isGap) this.sendGap(page.entries.some(isMissed) ? BEGINNING : page.cursor);
        for (const entry of page.entries) if (isMissed(entry)) await this.sendAtItsPace(entry);
        if (!this.outlet.isOpen) return;
        // Where the node has lost events, the log must say once more whether this place is still in it.
        if (!this.isShaken && hasReached(page.cursor, this.hub.position ?? BEGINNING)) break;
        if (page.isEnd) await pause();
        page = await this.read(page.cursor);
      }
    } catch {
      // The client comes back, and asks again for what it still misses.
      this.outlet.end('UNAVAILABLE');
      return;
    }
    this.told = page.cursor;
    this.isLive = true;
    for (const pattern of this.patterns) this.hub.index.add(pattern, this);
  }

  private async sendAtItsPace(entry: LogEntry): Promise<void> {
    if (!this.outlet.isOpen) return;
    const delivery = this.hub.deliveryOf(entry);
    if (this.outlet.queuedBytes < CONGESTED) delivery.sendTo(this.outlet, this.isBroadcast);
    else
      await new Promise<void>(sent => {
        delivery.sendTo(this.outlet, this.isBroadcast, sent);
      });
  }

  private sendGap(cursor: string): void {
    this.outlet.send(encodeFrame({ type: 'gap', patterns: [...this.patterns], cursor }));
  }
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, PAUSE));
}
