import type { Client } from '../connection/index.js';
import { callEach, isThenable, type MaybePromise, recovering } from '../maybe-promise.js';
import { encodeFrame, RefusalError, type SubscriptionMembers } from '../protocol/index.js';
import { BEGINNING } from './cursor.js';
import type { LogPage } from './event-log.js';
import type { SubscriptionOutlet, SubscriptionSource } from './subscription.js';
import { SubscribedEvents } from './subscribed-events.js';
import { SubscriptionQueue } from './subscription-queue.js';
import { tooManyPatterns } from './subscription-request.js';

/** The subscriptions of one client, and its rights to them. */
export class ClientSubscriptions {
  private readonly queue: SubscriptionQueue;
  private readonly events: SubscribedEvents;
  /** The number of times that the rights of the client may have changed. */
  private rights = 0;

  constructor(
    private readonly outlet: SubscriptionOutlet,
    private readonly hub: SubscriptionSource,
  ) {
    this.queue = new SubscriptionQueue(outlet, hub, () => this.events.isOpen);
    this.events = new SubscribedEvents(outlet, hub, this.queue);
  }

  get client(): Client {
    return this.outlet.client;
  }

  get isSubscribed(): boolean {
    return this.patternCount > 0;
  }

  /** The number of patterns. */
  get patternCount(): number {
    return this.events.patterns.size;
  }

  /** The number of patterns of public events. */
  get rightCount(): number {
    return [...this.events.patterns.granted()].length;
  }

  /** @param ready called before a subscription resumes; it waits for the promise */
  subscribe(frame: SubscriptionMembers, ready?: () => MaybePromise<void>): void {
    const { events, hub } = this;
    // Everything published from now on belongs to the subscription, even if authorization takes long.
    const arrivedAt = hub.position;
    this.queue.add(frame, async ({ patterns, since, isBroadcast, isOwn, id }) => {
      this.assertRoomFor(patterns);
      if (since !== undefined) await ready?.();
      let rights: number;
      let granted: ReadonlyMap<string, string>;
      let page: LogPage | undefined;
      let isComplete = true;
      const position = arrivedAt ?? (await hub.start());
      do {
        ({ rights } = this);
        granted = isOwn ? new Map() : await this.authorize(patterns);
        const following = events.channels.follow();
        if (isThenable(following)) {
          await following;
          // Events that were published before this node listened are in the log only.
          isComplete = false;
        }
        await events.resume();
        if (since !== undefined) page = await events.read(hub.openCursor(since));
        else if (!isComplete || hub.position !== position) page = await events.read(position);
        // Rights may have changed while the authorizer decided: its answer is out of date then.
      } while (events.isOpen && (rights !== this.rights || !events.isLive));
      if (!events.isOpen) return;
      // The client may have subscribed in other namespaces meanwhile.
      this.assertRoomFor(patterns);
      // Without public events, the client has no key for broadcasts.
      if (isBroadcast !== undefined) events.isBroadcast = isBroadcast && hub.isOpen;
      if (page) {
        const cursor = page.isGap ? BEGINNING : position;
        const sealed = page.isGap || since === undefined ? hub.sealCursor(cursor) : since;
        this.outlet.send(encodeFrame({ type: 'subscribed', patterns, cursor: sealed, id }));
        const received = since === undefined ? events.patterns.all() : [];
        await events.catchUp(page, { patterns, granted, received });
      } else {
        events.add(patterns, granted);
        const cursor = hub.sealCursor(events.cursor ?? position);
        this.outlet.send(encodeFrame({ type: 'subscribed', patterns, cursor, id }));
      }
    });
  }

  unsubscribe(frame: SubscriptionMembers): void {
    this.queue.add(frame, ({ patterns, id }) => {
      this.events.drop(patterns);
      this.outlet.send(encodeFrame({ type: 'unsubscribed', patterns, id }));
    });
  }

  /** Adds a channel of this client. @param since the cursor since which the channel belongs to the client */
  listenTo(channel: string, since: string): MaybePromise<void> {
    return this.events.channels.listenTo(channel, since);
  }

  leave(channel: string): void {
    this.events.channels.leave(channel);
  }

  /**
   * Checks again whether the client may subscribe to its patterns, and removes the patterns that are forbidden. If the
   * authorizer answers synchronously, they are removed synchronously. If the authorizer fails, the connection is closed
   * with `UNAVAILABLE`. The client then reconnects and resumes from its last cursor.
   */
  reauthorize(): MaybePromise<void> {
    this.rights++;
    const { channels } = this.events;
    return recovering(
      () => {
        // A renewed token may name another session.
        const follow = () => (channels.names.length > 0 ? channels.follow() : undefined);
        return callEach([follow, () => this.checkRights()], step => step());
      },
      error => {
        this.fail(error);
      },
    );
  }

  /** Ends the connection, because the rights of the client are unknown. */
  fail(error: unknown): void {
    const { reason } = this.hub.refusalOf(error);
    this.events.drop([...this.events.patterns.granted()].map(([pattern]) => pattern));
    this.events.end('UNAVAILABLE', { reason });
  }

  /** Called by the hub when this node has lost events. */
  reportGap(cursor: string): void {
    this.events.reportGap(cursor);
  }

  close(): void {
    this.events.drop(this.events.patterns.all());
    this.events.channels.leaveAll();
  }

  /** @throws RefusalError `FORBIDDEN` for more patterns than a client may have, in all its namespaces together */
  private assertRoomFor(patterns: readonly string[]): void {
    const { events, hub } = this;
    if (hub.patternsBeside(this) + events.patterns.countWith(patterns) > hub.maxPatterns)
      throw tooManyPatterns(hub.maxPatterns);
  }

  private checkRights(): MaybePromise<void> {
    const { events } = this;
    const withdrawn: string[] = [];
    const checking = callEach([...events.patterns.granted()], ([pattern, since]) => {
      const answer = this.hub.allows(this.client, pattern, since);
      if (answer === undefined) withdrawn.push(pattern);
      else if (isThenable(answer))
        return answer.then(allowed => {
          if (allowed === undefined) this.withdraw([pattern]);
        });
    });
    this.withdraw(withdrawn);
    return checking;
  }

  /**
   * Authorizes patterns.
   *
   * @returns for each pattern, the cursor since which the client has the right
   * @throws RefusalError `FORBIDDEN`, or `UNAVAILABLE` if the authorizer fails
   */
  private async authorize(patterns: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const granted = new Map<string, string>();
    await Promise.all(
      patterns.map(async pattern => {
        const since = await this.hub.allows(this.client, pattern);
        if (since !== undefined) granted.set(pattern, since);
      }),
    );
    const denied = patterns.find(pattern => !granted.has(pattern));
    if (denied !== undefined)
      throw new RefusalError('FORBIDDEN', { reason: this.hub.whyForbidden(denied) });
    return granted;
  }

  private withdraw(patterns: readonly string[]): void {
    const { events } = this;
    // The client may have unsubscribed from some patterns while the authorizer decided.
    const withdrawn = patterns.filter(pattern => events.patterns.since(pattern) !== undefined);
    if (withdrawn.length === 0) return;
    events.drop(withdrawn);
    this.outlet.send(encodeFrame({ type: 'unsubscribed', patterns: withdrawn }));
  }
}
