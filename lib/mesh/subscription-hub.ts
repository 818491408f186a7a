import { Inject, Injectable, Logger } from '@nestjs/common';
import { EventAuthorizer } from '../auth/index.js';
import { Client } from '../connection/index.js';
import { Clock } from '../clock.js';
import { type MaybePromise, recovering, within } from '../maybe-promise.js';
import { attempt, logUnexpected, thrown } from '../monitoring/index.js';
import { isId, type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { BroadcastSigner, EventSigner } from '../signing/index.js';
import { ClientSubscriptions } from './client-subscriptions.js';
import { channelNamed, PUBLIC } from './audience.js';
import { BEGINNING } from './cursor.js';
import { CursorSeal } from './cursor-seal.js';
import { Delivery } from './delivery.js';
import { EventFeed } from './event-feed.js';
import type { LogEntry, LogFollower, LogPage, LogQuery } from './event-log.js';
import { HistoryTurns } from './history-turns.js';
import type {
  ChannelMember,
  OwnChannel,
  Subscriber,
  SubscriptionOutlet,
  SubscriptionSource,
} from './subscription.js';
import { KnownRights } from './known-rights.js';
import { ListeningRights } from './listening-rights.js';
import { Rooms, type RoomsSource } from './rooms.js';
import { PatternIndex } from './pattern-index.js';
import { RoomStore } from './room-store.js';
import { WaitingRequests } from './waiting-requests.js';

/** The number of clients whose authorization begins together when all clients are authorized again. */
const REAUTHORIZED_AT_ONCE = 64;

/**
 * Limits of waiting subscribe and unsubscribe frames. They allow a client to add and remove its 32 patterns one by one. Eight
 * connections of one user can use their full share at the same time.
 */
export const WAITING_LIMITS = {
  maxPerConnection: 64,
  maxBytesPerConnection: 131_072,
  maxBytesPerUser: 1_048_576,
};

/** Delivers events to the subscribed clients of this node. */
@Injectable()
export class SubscriptionHub implements LogFollower, SubscriptionSource {
  readonly index = new PatternIndex<Subscriber>();
  readonly waiting = new WaitingRequests(WAITING_LIMITS);

  private readonly logger = new Logger('EventMesh');
  private readonly clients = new Set<ClientSubscriptions>();
  /** The subscribers of each channel on this node. */
  private readonly members = new Map<string, Set<ChannelMember>>();
  private readonly turns: HistoryTurns;
  private readonly known: KnownRights;
  private readonly rights: ListeningRights;
  readonly rooms: Rooms;
  /** The subscriptions of each client. A Socket.IO client has one for each namespace. */
  private readonly byClient = new WeakMap<Client, Set<ClientSubscriptions>>();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly feed: EventFeed,
    authorizer: EventAuthorizer,
    private readonly signer: EventSigner,
    private readonly broadcastSigner: BroadcastSigner,
    private readonly cursors: CursorSeal,
    private readonly roomStore: RoomStore,
    clock: Clock,
  ) {
    this.turns = new HistoryTurns(clock);
    this.known = new KnownRights(feed);
    this.rights = new ListeningRights(options, authorizer, cursors, this.known, this.logger);
    this.rooms = new Rooms(this.roomsSource());
    feed.add(this);
  }

  /** Whether the authorizer may allow a client to receive public events. */
  get isOpen(): boolean {
    return this.rights.isOpen;
  }

  get maxPatterns(): number {
    return this.options.mesh.maxPatterns;
  }

  get position(): string | undefined {
    return this.feed.position;
  }

  /** The number of clients with at least one pattern. */
  get count(): number {
    let count = 0;
    for (const { isSubscribed } of this.clients) if (isSubscribed) count++;
    return count;
  }

  /** Creates the subscriptions of a connection. The caller closes them with the connection. */
  open(outlet: SubscriptionOutlet): ClientSubscriptions {
    const subscriptions = new ClientSubscriptions(outlet, this);
    this.clients.add(subscriptions);
    const own = this.byClient.get(outlet.client) ?? new Set<ClientSubscriptions>();
    this.byClient.set(outlet.client, own.add(subscriptions));
    return subscriptions;
  }

  close(subscriptions: ClientSubscriptions): void {
    subscriptions.close();
    this.clients.delete(subscriptions);
    this.byClient.get(subscriptions.client)?.delete(subscriptions);
  }

  /** Forgets a client whose connection has ended. */
  closed(client: Client): void {
    this.rooms.close(client);
    for (const subscriptions of this.byClient.get(client) ?? []) this.close(subscriptions);
  }

  /** Authorizes the patterns and rooms of a user's clients again. */
  async reauthorize(userId: string): Promise<void> {
    this.known.outdate(userId);
    const meant = [...this.clients].filter(({ client }) => String(client.user?.id) === userId);
    await Promise.all([
      ...meant.map(async subscriptions => subscriptions.reauthorize()),
      this.rooms.reauthorize(userId),
    ]);
  }

  /** Removes all rights of a user from the log. @throws RefusalError `UNAVAILABLE` */
  withdraw(userId: string): MaybePromise<void> {
    return this.known.withdrawAll(userId);
  }

  /** Authorizes the patterns and rooms of one client again. Its user, session or rights may have changed. */
  async reauthorizeClient(client: Client): Promise<void> {
    await Promise.all([
      ...[...(this.byClient.get(client) ?? [])].map(async subscriptions =>
        subscriptions.reauthorize(),
      ),
      this.rooms.reauthorizeClient(client),
    ]);
  }

  patternsBeside(subscriptions: { readonly client: Client }): number {
    let count = 0;
    for (const other of this.byClient.get(subscriptions.client) ?? [])
      if (other !== subscriptions) count += other.patternCount;
    return count;
  }

  /** Returns how many rights `reauthorizeClient` looks up: the client's patterns of public events, and its rooms. */
  rightsOf(client: Client): number {
    let count = this.rooms.of(client).length;
    for (const { rightCount } of this.byClient.get(client) ?? []) count += rightCount;
    return count;
  }

  entry(entry: LogEntry): void {
    if (entry.channel === PUBLIC) this.broadcast(entry);
    else this.address(entry);
  }

  /** Reports a gap to all clients. Authorizes them again, because the withdrawal of a right may be among the lost events. */
  gap(cursor: string): void {
    for (const client of this.clients) client.reportGap(cursor);
    attempt(() => this.reauthorizeAll());
  }

  start(): MaybePromise<string> {
    return this.feed.start();
  }

  async read(client: Client, query: LogQuery): Promise<LogPage> {
    const user = String(client.user?.id);
    await this.turns.next(user);
    const page = await this.feed.read(query);
    this.turns.charge(user, page.scanned);
    return page;
  }

  deliveryOf(entry: LogEntry): Delivery {
    return new Delivery(entry, this.signer, this.broadcastSigner, cursor =>
      this.sealCursor(cursor),
    );
  }

  channelsOf(client: Client): readonly OwnChannel[] {
    const { id, user } = client;
    const channels = [channelNamed('client', id)];
    const userId = String(user?.id);
    if (user && isId(userId)) channels.push(channelNamed('user', userId));
    if (user && isId(user.sessionId)) channels.push(channelNamed('session', user.sessionId));
    const own = channels.map(channel => ({ channel, since: BEGINNING }));
    return [...own, ...this.rooms.of(client)];
  }

  listen(channel: string, member: ChannelMember): MaybePromise<void> {
    const members = this.members.get(channel) ?? new Set<ChannelMember>();
    this.members.set(channel, members.add(member));
    return this.feed.listen(channel);
  }

  unlisten(channel: string, member: ChannelMember): void {
    const members = this.members.get(channel);
    if (!members?.delete(member)) return;
    if (members.size === 0) this.members.delete(channel);
    this.feed.unlisten(channel);
  }

  allows(client: Client, pattern: string, since?: string): MaybePromise<string | undefined> {
    const isWanted = () => !this.rooms.hasEnded(client);
    return this.rights.toPattern(client, pattern, { since, isWanted });
  }

  whyForbidden(pattern: string): string {
    return this.rights.whyNoPattern(pattern);
  }

  sealCursor(cursor: string): string {
    return this.cursors.seal(cursor);
  }

  openCursor(sealed: string): string {
    return this.cursors.open(sealed);
  }

  refusalOf(error: unknown): RefusalError {
    if (RefusalError.is(error)) return error;
    logUnexpected(this.logger, error);
    return new RefusalError('UNAVAILABLE', { reason: thrown(error) });
  }

  private roomsSource(): RoomsSource {
    return {
      maxRooms: this.options.mesh.maxRooms,
      rights: this.rights,
      start: () => this.start(),
      listenTo: async (client, channel, since) => {
        for (const subscriptions of this.byClient.get(client) ?? [])
          await subscriptions.listenTo(channel, since);
      },
      enter: async ({ id, user }, room) => {
        await this.feed.callLog(() => this.roomStore.enter(room, id, user ? String(user.id) : ''));
      },
      exit: ({ id }, room) => {
        // The store retries a failed removal.
        void recovering(
          () => this.feed.callLog(() => this.roomStore.exit(room, id)),
          () => undefined,
        );
      },
      fail: (client, error) => {
        for (const subscriptions of this.byClient.get(client) ?? []) subscriptions.fail(error);
      },
      leave: (client, channel) => {
        for (const subscriptions of this.byClient.get(client) ?? []) subscriptions.leave(channel);
      },
    };
  }

  private broadcast(entry: LogEntry): void {
    const subscribers = this.index.match(entry.type);
    if (subscribers.size === 0) return;
    const delivery = this.deliveryOf(entry);
    for (const subscriber of subscribers)
      this.attempt(subscriber, entry, () => {
        subscriber.deliver(delivery);
      });
  }

  private address(entry: LogEntry): void {
    const members = this.members.get(entry.channel);
    if (!members) return;
    const delivery = this.deliveryOf(entry);
    for (const member of [...members])
      this.attempt(member, entry, () => {
        member.deliverOwn(delivery);
      });
  }

  /**
   * Authorizes all clients again, in batches: an authorizer may query a database. The last batch begins within `auth.timeout`,
   * even if the authorizer does not answer for some clients.
   */
  private async reauthorizeAll(): Promise<void> {
    this.known.outdate();
    const subscribed = Array.from(this.clients, ({ client }) => client);
    const all = [...new Set([...subscribed, ...this.rooms.members])];
    const patience = this.options.auth.timeout / Math.ceil(all.length / REAUTHORIZED_AT_ONCE);
    while (all.length > 0) {
      const batch = all.splice(0, REAUTHORIZED_AT_ONCE);
      await within(
        patience,
        Promise.all(batch.map(async client => this.reauthorizeClient(client))),
      );
    }
  }

  private attempt(
    member: Pick<Subscriber, 'reportGap'>,
    { cursor }: LogEntry,
    deliver: () => void,
  ): void {
    try {
      deliver();
    } catch (error) {
      // Without a signing key in force the event cannot be signed.
      member.reportGap(cursor);
      if (!RefusalError.is(error)) logUnexpected(this.logger, error);
    }
  }
}
