import { Inject, Injectable, Logger } from '@nestjs/common';
import { DefaultEventAuthorizer, EventAuthorizer } from '../auth/index.js';
import { Client } from '../connection/index.js';
import { inTime, isThenable, type MaybePromise, recovering } from '../maybe-promise.js';
import { logUnexpected } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { type Code, RefusalError } from '../protocol/index.js';
import { BroadcastSigner, EventSigner } from '../signing/index.js';
import { ClientSubscriptions } from './client-subscriptions.js';
import type { Subscriber, SubscriptionOutlet, SubscriptionSource } from './subscription.js';
import { Delivery } from './delivery.js';
import { EventFeed } from './event-feed.js';
import type { LogEntry, LogFollower, LogPage } from './event-log.js';
import { PatternIndex } from './pattern-index.js';

/** Clients whose rights are looked at together when all are. */
const REAUTHORIZED_AT_ONCE = 64;

/** Brings events to the clients of this node that are subscribed to them. */
@Injectable()
export class SubscriptionHub implements LogFollower, SubscriptionSource {
  readonly index = new PatternIndex<Subscriber>();

  private readonly logger = new Logger('EventMesh');
  private readonly clients = new Set<ClientSubscriptions>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly feed: EventFeed,
    private readonly authorizer: EventAuthorizer,
    private readonly signer: EventSigner,
    private readonly broadcastSigner: BroadcastSigner,
  ) {
    feed.add(this);
  }

  /** Whether there is anything clients may subscribe to, as far as that is known. */
  get isOpen(): boolean {
    const { allow } = this.options.mesh;
    // A class that extends the default one may allow more.
    if (this.authorizer.constructor !== DefaultEventAuthorizer) return true;
    return typeof allow === 'function' || allow.length > 0;
  }

  get maxPatterns(): number {
    return this.options.mesh.maxPatterns;
  }

  get position(): string | undefined {
    return this.feed.position;
  }

  /** How many clients are subscribed. */
  get count(): number {
    let count = 0;
    for (const { isSubscribed } of this.clients) if (isSubscribed) count++;
    return count;
  }

  /** The subscriptions of a connection, to be closed with it. */
  open(outlet: SubscriptionOutlet): ClientSubscriptions {
    const subscriptions = new ClientSubscriptions(outlet, this);
    this.clients.add(subscriptions);
    return subscriptions;
  }

  close(subscriptions: ClientSubscriptions): void {
    subscriptions.close();
    this.clients.delete(subscriptions);
  }

  /** Asks again what the clients of a user may listen to. */
  async reauthorize(userId: string): Promise<void> {
    const meant = [...this.clients].filter(({ client }) => String(client.user?.id) === userId);
    await Promise.all(meant.map(async subscriptions => subscriptions.reauthorize()));
  }

  entry(entry: LogEntry): void {
    const subscribers = this.index.match(entry.type);
    if (subscribers.size === 0) return;
    const delivery = this.deliveryOf(entry);
    for (const subscriber of subscribers) this.deliver(subscriber, delivery);
  }

  /** Among what was lost may be that somebody's rights were withdrawn. */
  gap(cursor: string): void {
    for (const client of this.clients) client.tellGap(cursor);
    void this.reauthorizeAll();
  }

  start(): MaybePromise<string> {
    return this.feed.start();
  }

  /** One page in a turn of the event loop, whoever asks: however many catch up, everybody else waits for one. */
  async read(after: string, limit: number): Promise<LogPage> {
    this.turn = this.turn.then(() => new Promise(setImmediate));
    await this.turn;
    return this.feed.read(after, limit);
  }

  deliveryOf(entry: LogEntry): Delivery {
    return new Delivery(entry, this.signer, this.broadcastSigner);
  }

  /** Whether a client may listen to a pattern. A check that fails, or hangs, is a check that forbids. */
  allows(client: Client, pattern: string): MaybePromise<boolean> {
    return recovering(
      () => {
        const answer: unknown = this.authorizer.canSubscribe(client, pattern);
        // Anything but true forbids, whatever an authorizer in JavaScript returns.
        return isThenable(answer) ? this.inTime(answer) : answer === true;
      },
      error => {
        logUnexpected(this.logger, error);
        return false;
      },
    );
  }

  codeOf(error: unknown): Code {
    if (error instanceof RefusalError) return error.code;
    logUnexpected(this.logger, error);
    return 'UNAVAILABLE';
  }

  private async inTime(answer: PromiseLike<unknown>): Promise<boolean> {
    const late = 'EventAuthorizer.canSubscribe does not answer';
    return (await inTime(answer, this.options.auth.timeout, late)) === true;
  }

  /** Some at a time: an authorizer may ask a database. */
  private async reauthorizeAll(): Promise<void> {
    const all = [...this.clients];
    while (all.length > 0)
      await Promise.all(all.splice(0, REAUTHORIZED_AT_ONCE).map(async one => one.reauthorize()));
  }

  private deliver(subscriber: Subscriber, delivery: Delivery): void {
    try {
      subscriber.deliver(delivery);
    } catch (error) {
      // Without a key to sign with, nobody can be told.
      subscriber.tellGap(delivery.entry.cursor);
      if (!(error instanceof RefusalError)) logUnexpected(this.logger, error);
    }
  }
}
