import type { SubscriptionMembers } from '../../protocol/index.js';
import { within } from '../../maybe-promise.js';
import { attempt, contained } from '../../monitoring/index.js';
import { type Client, type ConnectionSlot, Liveness, type ManagedConnection } from '../index.js';
import { ChannelSubscriptions } from './channel-subscriptions.js';
import { bytesOf, COST, membersIn, subscriptionUnits, unitsOf } from './frame-cost.js';
import { InboundQueue } from './inbound-queue.js';
import { RefusingConnection } from './refusing-connection.js';
import type { ServedEndpoint } from './served-endpoint.js';
import { Session } from './session.js';
import type { Channel, Transport } from './transport.js';

/**
 * The connection of one client, independent of the WebSocket library. It has one session, one budget, one queue of messages, and
 * the deadlines. It charges everything that a client causes before the work is done.
 */
export class Connection<Message extends string | Buffer = string | Buffer>
  extends RefusingConnection<Message>
  implements ManagedConnection
{
  readonly session: Session;
  private readonly liveness: Liveness;
  private readonly inbound: InboundQueue<Message>;
  /** Created when the client first subscribes. */
  private subscriptions: ChannelSubscriptions | undefined;
  /** Functions that end the running streams of handlers. Created with the first stream. */
  private streams: Set<() => void> | undefined;

  constructor(
    client: Client,
    readonly slot: ConnectionSlot,
    endpoint: ServedEndpoint,
    transport: Transport<Message>,
  ) {
    super(client, endpoint, transport);
    const { clock, connections, options } = endpoint.services;
    const { idleTimeout, maxRunningHandlers } = options.connection;
    this.session = new Session(this);
    this.liveness = transport.hasOwnHeartbeat
      ? new Liveness({ idleTimeout, heartbeatInterval: Infinity }, clock.monotonic(), 1)
      : new Liveness(options.connection, clock.monotonic(), Math.random());
    this.inbound = new InboundQueue(transport, this.budget, maxRunningHandlers);
    connections.add(this);
  }

  get queuedBytes(): number {
    return this.transport.queuedBytes;
  }

  /** Charges a message, and passes it to the inbound queue. @param message undefined if it is not text */
  receive(message: Message | undefined): void {
    if (!this.isReceiving) return;
    const { clock, options } = this.services;
    this.client.counters.received++;
    this.client.lastActivityAt = clock.now();
    this.liveness.markActive(clock.monotonic());
    if (message === undefined) {
      this.refuse('UNSUPPORTED_FRAME', { reason: 'a binary message' });
      return;
    }
    const bytes = bytesOf(message);
    const { maxUnauthenticatedMessageSize } = options.connection;
    if (this.isAnonymous && bytes.length > maxUnauthenticatedMessageSize) this.refuseTooLarge();
    else if (this.charge(unitsOf(bytes.length, membersIn(bytes), this.transport.inflates)))
      if (this.transport.ignoresPause)
        this.refuse('RATE_LIMITED', { reason: 'connection.maxRunningHandlers' });
      else this.inbound.take(message);
  }

  /** Refuses a message, finished or not, that is too large before authentication. */
  refuseTooLarge(): void {
    const { maxUnauthenticatedMessageSize } = this.services.options.connection;
    this.refuse('MESSAGE_TOO_LARGE', {
      reason: `larger than connection.maxUnauthenticatedMessageSize (${maxUnauthenticatedMessageSize} bytes)`,
    });
  }

  /** Records a sign of life other than a message. */
  markAlive(): void {
    this.liveness.markAlive();
  }

  /** The estimated memory of the current frame, in bytes. */
  get frame(): number {
    return this.inbound.frame;
  }

  /**
   * Makes a frame the current one in the next tick. Call it before a library that handles a frame there: ticks keep their order.
   *
   * @param frame its estimated memory, in bytes
   */
  restoreFrame(frame: number): void {
    process.nextTick(
      contained(() => {
        this.inbound.frame = frame;
      }),
    );
  }

  /** Records that the current frame runs a handler. @returns a function to call when the handler is done */
  begin(): () => void {
    return this.inbound.begin();
  }

  /** The units of a new token on this connection: 0 before authentication. */
  get renewalUnits(): number {
    if (this.isAnonymous) return 0;
    return COST.renewal + this.services.hub.rightsOf(this.client) * COST.pattern;
  }

  /** Records a running stream of a handler. @param end ends it @returns a function to call when it has ended */
  streaming(end: () => void): () => void {
    this.streams ??= new Set();
    this.streams.add(end);
    return () => {
      this.streams?.delete(end);
    };
  }

  authenticate(token: string): void {
    const units = this.renewalUnits;
    if (units > 0 && !this.charge(units)) return;
    this.session.authenticate(token, outcome => {
      if ('welcome' in outcome) {
        this.transport.sendFrame(outcome.welcome);
        this.authenticated(outcome.hasLostRole);
      } else {
        const { code, retryAfter, reason } = outcome.refusal;
        if (outcome.isFinal) this.end(code, { retryAfter, reason });
        else this.refuse(code, { retryAfter, reason });
      }
    });
  }

  /**
   * Applies an authentication or a renewal.
   *
   * @param hasLostRole whether the user had a role that the new token lacks: a guard may have let a stream begin because of it
   */
  authenticated(hasLostRole: boolean): void {
    if (hasLostRole) for (const end of [...(this.streams ?? [])]) attempt(end);
    this.transport.liftSizeLimit();
    this.budget.authenticated(this.services.clock.monotonic());
    this.services.events.authenticated(this.client, this.endpoint.path);
    // A renewed token may grant other rights.
    attempt(() => this.services.hub.reauthorizeClient(this.client));
    this.services.hooks.authenticated(this.client);
  }

  subscribe(
    kind: 'subscribe' | 'unsubscribe',
    members: SubscriptionMembers,
    channel: Channel,
  ): void {
    const { hub, options } = this.services;
    if (!this.charge(subscriptionUnits(members, options.mesh.maxPatterns))) return;
    this.subscriptions ??= new ChannelSubscriptions(hub);
    const subscriptions = this.subscriptions.of(channel);
    if (kind === 'subscribe') subscriptions.subscribe(members, () => this.hooksEnded());
    else subscriptions.unsubscribe(members);
  }

  /** Ends the subscriptions of a channel that the client has left. */
  left(channel: Channel): void {
    this.subscriptions?.close(channel);
  }

  checkDeadlines(): void {
    if (!this.isOpen) return;
    const step = this.session.due();
    if (step && 'end' in step) {
      this.end(step.end, { reason: step.reason });
      return;
    }
    if (step) this.transport.sendFrame(step.warning);
    this.checkLiveness();
  }

  /** Stops reading frames, and waits until running handlers have finished and answered. */
  async drain(): Promise<void> {
    this.transport.liftSizeLimit();
    this.stopReceiving();
    await this.inbound.idle(this.services.options.connection.shutdownTimeout);
  }

  override stopReceiving(): void {
    super.stopReceiving();
    this.inbound.stop();
  }

  /** Releases everything of the connection. The transport calls it when the connection is gone. */
  closed(): void {
    this.stopReceiving();
    const { clock, connections, hub } = this.services;
    this.budget.close(clock.monotonic());
    connections.remove(this);
    hub.closed(this.client);
  }

  /** A hook may join rooms. A client that resumes misses their events if it resumes before it has joined. */
  private hooksEnded(): Promise<void> | undefined {
    const { hooks, options } = this.services;
    const ended = hooks.ended(this.client);
    return ended && within(options.auth.timeout, ended);
  }

  private checkLiveness(): void {
    // While reading is paused, an answer of the client cannot arrive.
    if (this.transport.isPaused) this.liveness.markAlive();
    const step = this.liveness.due(this.services.clock.monotonic());
    if (step === 'ping') this.transport.ping();
    else if (step === 'idle') this.end('IDLE_TIMEOUT', { reason: 'connection.idleTimeout' });
    else if (step === 'dead') {
      this.services.events.lost(this.client, this.endpoint.path);
      this.transport.drop();
    }
  }
}
