import type { Socket } from 'node:net';
import type { RawData } from 'ws';
import {
  type Client,
  type ConnectionSlot,
  Liveness,
  type ManagedConnection,
} from '../connection/index.js';
import type { ClientSubscriptions, SubscriptionOutlet } from '../mesh/index.js';
import type { FrameForm } from '../event/index.js';
import {
  type Code,
  encodeFrame,
  errorFrame,
  exceptionFrame,
  factsOf,
  type RefusalDetails,
  type ServerFrame,
  type Subprotocol,
} from '../protocol/index.js';
import { textFrame } from '../text-frame.js';
import { asRefusal } from './as-refusal.js';
import { closingOf } from './closing-of.js';
import type { ConnectionServices } from './connection-services.js';
import type { ServedEndpoint } from './served-endpoint.js';
import { FrameMeter } from './frame-meter.js';
import type { GuardedSocket, SocketOwner } from './guarded-socket.js';
import { Intake, type IntakeOwner } from './intake.js';
import { readLastWords } from './last-words.js';
import { watchMessageSize } from './message-size-watch.js';
import { MessageRouter, type Outlet } from './message-router.js';
import { Session, type SessionOutlet } from './session.js';
import { readFrame, type FrameReceiver, type SubscriptionFrame } from './read-frame.js';
import { subprotocolOf } from './subprotocol.js';
import { Arrivals, type TurnWork } from './turn.js';

const OPEN = 1;
/** How many messages may wait for the end of a turn, and of how many bytes: many sockets are read in one. */
const MAX_ARRIVED = 64;
const MAX_SIZE = 1_024;

/** One connection from the first frame to the last: what comes in is checked here before Nest sees it. */
export class ClientConnection
  implements
    ManagedConnection,
    SocketOwner,
    TurnWork,
    IntakeOwner<Buffer>,
    FrameReceiver,
    Outlet,
    SessionOutlet,
    SubscriptionOutlet
{
  readonly router: MessageRouter;

  private readonly session: Session;
  private readonly meter: FrameMeter;
  private readonly liveness: Liveness;
  /** What came in this turn. */
  private arrived: Arrivals | undefined;
  private readonly intake: Intake<Buffer>;
  /** Ends what holds for a client only as long as it has not authenticated. */
  private endProbation: (() => void) | undefined;
  /** Made when the client first asks for some. */
  private subscriptions: ClientSubscriptions | undefined;
  private takesNoMore = false;
  /** When it was last written to. */
  private lastPass: number | undefined;
  private onClosed: ((reason: number) => void) | undefined;

  constructor(
    readonly client: Client,
    private readonly socket: GuardedSocket,
    private readonly tcp: Socket,
    readonly slot: ConnectionSlot,
    readonly endpoint: ServedEndpoint,
  ) {
    const { clock, options } = this.services;
    this.session = new Session(this);
    this.meter = new FrameMeter(endpoint.buckets);
    this.liveness = new Liveness(options.connection, clock.monotonic(), Math.random());
    this.router = new MessageRouter(this, endpoint.routes, subprotocolOf(socket.protocol));
    this.intake = new Intake(socket, this);
    const { maxUnauthenticatedMessageSize } = options.connection;
    this.endProbation = watchMessageSize(tcp, maxUnauthenticatedMessageSize, () => {
      this.refuse('MESSAGE_TOO_LARGE');
      this.readLastWords();
    });
    this.services.connections.add(this);
  }

  get services(): ConnectionServices {
    return this.endpoint.services;
  }

  get isOpen(): boolean {
    return this.socket.readyState === OPEN;
  }

  get isAnonymous(): boolean {
    return this.client.user === undefined;
  }

  get hasRoom(): boolean {
    const { maxRunningHandlers } = this.services.options.connection;
    return !this.takesNoMore && this.router.calls.count < maxRunningHandlers;
  }

  get subprotocol(): Subprotocol {
    return this.router.subprotocol;
  }

  get queuedBytes(): number {
    return this.socket.bufferedAmount;
  }

  /**
   * @param message a text, or a frame made of one
   * @param sent called when the message has left, or never will
   */
  send(message: string | Buffer, sent?: () => void): void {
    if (!this.socket.checkQueue()) {
      sent?.();
      return;
    }
    this.client.counters.sent++;
    const { writes } = this.services;
    if (typeof message === 'string') {
      writes.hold(this.tcp);
      this.tcp.write(textFrame(message), sent);
    } else {
      this.lastPass = writes.pass(this.tcp, this.lastPass);
      this.tcp.write(message, sent);
    }
  }

  /** Tells the peer of a refusal in the form of the frame refused, and closes where that is called for. */
  refuse(
    code: Code,
    details: RefusalDetails = {},
    form: FrameForm = 'event',
    eventType?: string,
  ): void {
    if (!this.isOpen) return;
    this.client.counters.refused++;
    this.services.events.refused(this.client, code, { path: this.endpoint.path, eventType });
    this.send(form === 'event' ? errorFrame(code, details) : exceptionFrame(code, details));
    const strike = () => this.meter.strike(this.services.clock.monotonic());
    const closing = closingOf(code, this.isAnonymous, strike);
    if (closing) this.close(closing.close, closing.reason);
  }

  tell(frame: ServerFrame): void {
    this.send(encodeFrame(frame));
  }

  authenticated(): void {
    this.endProbation?.();
    this.endProbation = undefined;
    this.services.events.authenticated(this.client, this.endpoint.path);
    // A renewed token may stand for other rights.
    void this.subscriptions?.reauthorize();
  }

  end(code: Code, details: RefusalDetails = {}): void {
    const { status, close } = factsOf(code);
    if (status !== undefined) this.send(errorFrame(code, details));
    this.close(close, code);
  }

  /** Takes no more frames, lets running handlers finish and answer, and closes. */
  async shutDown(): Promise<void> {
    this.endProbation?.();
    this.ending();
    this.intake.clear();
    await this.router.calls.idle(this.services.options.connection.shutdownTimeout);
    this.end('SERVER_SHUTDOWN');
  }

  checkDeadlines(): void {
    if (!this.isOpen) return;
    this.session.checkDeadlines();
    // While we do not read, we cannot hear the peer.
    if (this.socket.isPaused) this.liveness.heard();
    const step = this.liveness.due(this.services.clock.monotonic());
    if (step === 'ping') this.socket.ping();
    else if (step === 'idle') this.end('IDLE_TIMEOUT');
    else if (step === 'dead') this.drop();
  }

  /** Called when a handler has finished: there is room for what was held back. */
  handlerFinished(): void {
    this.intake.goOn();
  }

  /** Takes what the intake lets through. */
  read(message: Buffer): void {
    try {
      readFrame(message, this);
    } catch (error) {
      const { code, retryAfter } = asRefusal(error, this.services.logger);
      this.refuse(code, { retryAfter });
    }
  }

  authenticate(token: string): void {
    this.session.authenticate(token);
  }

  subscribe(frame: SubscriptionFrame): void {
    (this.subscriptions ??= this.services.hub.open(this))[frame.kind](frame);
  }

  /** Has one more gateway told, with the close code, when the connection is gone. */
  whenClosed(tell: (reason: number) => void): void {
    const before = this.onClosed;
    this.onClosed = before
      ? reason => {
          before(reason);
          tell(reason);
        }
      : tell;
  }

  pinged(data: Buffer): void {
    this.endTurn();
    if (this.isOpen && this.charge()) this.socket.pong(data);
  }

  ponged(): void {
    this.endTurn();
    if (this.isOpen && this.charge()) this.liveness.heard();
  }

  flush(): void {
    this.services.writes.letGo(this.tcp);
  }

  ending(): void {
    this.endTurn();
    this.takesNoMore = true;
  }

  closing(code: Code): void {
    this.ending();
    this.services.events.closed(this.client, code, this.endpoint.path);
    if (code === 'SLOW_CONSUMER') this.readLastWords();
  }

  closed(reason: number): void {
    this.ending();
    // First what must be done whatever becomes of the rest: streams run code of the application when they end.
    this.slot.release();
    this.services.connections.remove(this);
    if (this.subscriptions) this.services.hub.close(this.subscriptions);
    this.intake.clear();
    this.router.stop();
    this.onClosed?.(reason);
  }

  received(data: RawData, isBinary: boolean): void {
    if (this.takesNoMore) return;
    // As Buffers is how ws hands messages over unless it is told otherwise.
    const message = data as Buffer;
    if (isBinary || this.isAnonymous || message.length > MAX_SIZE) {
      this.endTurn();
      this.receive(message, isBinary);
    } else {
      if (!this.arrived) this.services.turn.wait(this);
      this.arrived ??= new Arrivals();
      if (this.arrived.messages.push(message) === MAX_ARRIVED) this.endTurn();
    }
  }

  /** Handles what came in this turn: at its end, or where something must not overtake it. */
  endTurn(): void {
    const { arrived } = this;
    this.arrived = undefined;
    arrived?.runInAsyncScope(() => {
      for (const message of arrived.messages) this.receive(message);
    });
  }

  private receive(message: Buffer, isBinary = false): void {
    if (this.takesNoMore) return;
    const { clock, options } = this.services;
    const { maxUnauthenticatedMessageSize } = options.connection;
    this.client.counters.received++;
    this.client.lastActivityAt = clock.now();
    this.liveness.active(clock.monotonic());
    if (isBinary) this.refuse('UNSUPPORTED_FRAME');
    else if (this.isAnonymous && message.length > maxUnauthenticatedMessageSize)
      this.refuse('MESSAGE_TOO_LARGE');
    else if (this.charge())
      // Held for long, it must not keep all that came with it.
      this.intake.take(this.hasRoom ? message : Buffer.from(message));
  }

  /** Every frame costs the same, before anything is known of it. */
  private charge(): boolean {
    const retryAfter = this.meter.charge(this.services.clock.monotonic());
    if (retryAfter > 0) this.refuse('RATE_LIMITED', { retryAfter });
    return retryAfter === 0;
  }

  /** Of a client that is closed, and has far more to say than its close frame. */
  private readLastWords(): void {
    const { maxBufferedBytes, maxUnauthenticatedMessageSize } = this.services.options.connection;
    const maxBytes = this.isAnonymous ? maxUnauthenticatedMessageSize : maxBufferedBytes;
    readLastWords(this.socket, this.tcp, maxBytes);
  }

  /** Nobody is there to read a close frame. */
  private drop(): void {
    this.services.events.lost(this.client, this.endpoint.path);
    this.socket.terminate();
  }

  private close(code: number | undefined, reason: Code): void {
    // Whoever was told of a refusal may have closed it.
    if (!this.isOpen) return;
    // What came behind the reason must not be handled.
    this.takesNoMore = true;
    this.services.events.closed(this.client, reason, this.endpoint.path);
    this.socket.close(code, reason);
  }
}
