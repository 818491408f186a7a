import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import {
  type Client,
  type ConnectionSlot,
  Liveness,
  type ManagedConnection,
} from '../connection/index.js';
import type { ClientSubscriptions, SubscriptionOutlet } from '../mesh/index.js';
import { logUnexpected } from '../monitoring/index.js';
import { type FrameForm, isPlainJson, receiveEvent, type SemanticEvent } from '../event/index.js';
import { eventIdOf } from '../handler/index.js';
import {
  type ClientFrame,
  type Code,
  decodeFrame,
  encodeFrame,
  errorFrame,
  exceptionFrame,
  factsOf,
  RefusalError,
  type RefusalDetails,
  type ServerFrame,
  type Subprotocol,
} from '../protocol/index.js';
import { closingOf } from './closing-of.js';
import type { ConnectionServices } from './connection-services.js';
import { FrameMeter } from './frame-meter.js';
import { CLOSING } from './guarded-socket.js';
import { Intake, type IntakeOwner } from './intake.js';
import { readLastWords } from './last-words.js';
import { watchMessageSize } from './message-size-watch.js';
import { MessageRouter, type Outlet } from './message-router.js';
import { Session, type SessionOutlet } from './session.js';
import { subprotocolOf } from './subprotocol.js';

const OPEN = 1;
const AS_TEXT = { binary: false };

/** One connection from the first frame to the last: what comes in is checked here before Nest sees it. */
export class ClientConnection
  implements ManagedConnection, IntakeOwner, Outlet, SessionOutlet, SubscriptionOutlet
{
  readonly router: MessageRouter;

  private readonly session: Session;
  private readonly meter: FrameMeter;
  private readonly liveness: Liveness;
  private readonly intake: Intake;
  /** Ends what holds for a client only as long as it has not authenticated. */
  private endProbation: (() => void) | undefined;
  /** The path of the gateway. */
  private readonly path: string;
  /** Made when the client first asks for some. */
  private subscriptions: ClientSubscriptions | undefined;

  constructor(
    readonly client: Client,
    private readonly socket: WebSocket,
    private readonly tcp: Socket,
    slot: ConnectionSlot,
    private readonly services: ConnectionServices,
    { isOpenToAll, path }: { isOpenToAll: boolean; path: string },
  ) {
    this.path = path;
    const { clock, options } = services;
    this.session = new Session(this, slot, services, isOpenToAll);
    this.meter = new FrameMeter(options.connection);
    this.liveness = new Liveness(options.connection, clock.monotonic(), Math.random());
    this.router = new MessageRouter(this, services, subprotocolOf(socket.protocol));
    this.intake = new Intake(socket, this);
    const { maxUnauthenticatedMessageSize } = options.connection;
    this.endProbation = watchMessageSize(tcp, maxUnauthenticatedMessageSize, () => {
      this.refuse('MESSAGE_TOO_LARGE');
      this.readLastWords();
    });
    this.listen();
    services.connections.add(this);
  }

  get isOpen(): boolean {
    return this.socket.readyState === OPEN;
  }

  get hasRoom(): boolean {
    return this.router.running < this.services.options.connection.maxRunningHandlers;
  }

  get subprotocol(): Subprotocol {
    return this.router.subprotocol;
  }

  get queuedBytes(): number {
    return this.socket.bufferedAmount;
  }

  /** @param sent called when the message has left, or never will */
  send(message: string | Buffer, sent?: () => void): void {
    if (!this.isOpen) {
      sent?.();
      return;
    }
    this.client.counters.sent++;
    this.services.writes.add(this.tcp);
    this.socket.send(message, AS_TEXT, sent);
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
    this.services.events.refused(this.client, code, { path: this.path, eventType });
    this.send(form === 'event' ? errorFrame(code, details) : exceptionFrame(code, details));
    const strike = () => this.meter.strike(this.services.clock.monotonic());
    const closing = closingOf(code, this.isAnonymous(), strike);
    if (closing) this.close(closing.close, closing.reason);
  }

  tell(frame: ServerFrame): void {
    this.send(encodeFrame(frame));
  }

  authenticated(): void {
    this.endProbation?.();
    this.endProbation = undefined;
    this.services.events.authenticated(this.client, this.path);
    // A renewed token may stand for other rights.
    void this.subscriptions?.reauthorize();
  }

  end(code: Code, details: RefusalDetails = {}): void {
    if (!this.isOpen) return;
    const { status, close } = factsOf(code);
    if (status !== undefined) this.send(errorFrame(code, details));
    this.close(close, code);
  }

  /** Takes no more frames, lets running handlers finish and answer, and closes. */
  async shutDown(): Promise<void> {
    this.endProbation?.();
    this.socket.removeAllListeners('message');
    this.intake.clear();
    await this.router.idle(this.services.options.connection.shutdownTimeout);
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
  read(text: string): void {
    try {
      this.take(decodeFrame(text, this.router.subprotocol), text);
    } catch (error) {
      if (!(error instanceof RefusalError)) logUnexpected(this.services.logger, error);
      const { code, retryAfter } =
        error instanceof RefusalError ? error : new RefusalError('INTERNAL');
      this.refuse(code, { retryAfter });
    }
  }

  private listen(): void {
    this.socket.on('message', (data, isBinary) => {
      this.receive(data, isBinary);
    });
    this.socket.on('ping', data => {
      if (this.charge()) this.socket.pong(data);
    });
    this.socket.on('pong', () => {
      if (this.charge()) this.liveness.heard();
    });
    this.socket.on(CLOSING, (code: Code) => {
      this.services.events.closed(this.client, code, this.path);
      if (code === 'SLOW_CONSUMER') this.readLastWords();
    });
    this.socket.once('close', () => {
      this.intake.clear();
      this.router.stop();
      if (this.subscriptions) this.services.hub.close(this.subscriptions);
      this.services.connections.remove(this);
    });
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (!this.isOpen) return;
    const { clock, options } = this.services;
    this.client.counters.received++;
    this.client.lastActivityAt = clock.now();
    this.liveness.active(clock.monotonic());
    if (isBinary) this.refuse('UNSUPPORTED_FRAME');
    else if (this.isAnonymous() && sizeOf(data) > options.connection.maxUnauthenticatedMessageSize)
      this.refuse('MESSAGE_TOO_LARGE');
    else if (this.charge()) this.intake.take((data as Buffer).toString('utf8'));
  }

  /** Every frame costs the same, before anything is known of it. */
  private charge(): boolean {
    if (!this.isOpen) return false;
    const retryAfter = this.meter.charge(this.services.clock.monotonic());
    if (retryAfter > 0) this.refuse('RATE_LIMITED', { retryAfter });
    return retryAfter === 0;
  }

  private take(frame: ClientFrame, text: string): void {
    switch (frame.kind) {
      case 'ping':
        this.tell({ type: 'pong', time: new Date(this.services.clock.now()).toISOString() });
        return;
      case 'auth':
        this.session.authenticate(frame.token);
        return;
      case 'event':
        this.takeEvent(frame.event, text);
        return;
      case 'nest':
        this.takeNestFrame(frame.name, frame.data);
        return;
      case 'subscribe':
      case 'unsubscribe':
        if (this.isAnonymous()) this.refuse('UNAUTHENTICATED');
        else (this.subscriptions ??= this.services.hub.open(this))[frame.kind](frame);
    }
  }

  /** Nest's own frame may carry any data, but none that would read differently to its handler or be too deep to. */
  private takeNestFrame(name: string, data: unknown): void {
    if (isPlainJson(data, this.services.options.event.maxDepth)) this.route(name, data, 'nest');
    else this.refuse(this.isAnonymous() ? 'UNAUTHENTICATED' : 'INVALID_EVENT', {}, 'nest', name);
  }

  private takeEvent(value: unknown, text: string): void {
    const { event: limits, signing } = this.services.options;
    let event: SemanticEvent;
    try {
      event = receiveEvent(value, text, limits, signing.accept.includes('integradio'));
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      // Who has not authenticated learns that first, and nothing of what we think of the event.
      this.refuse(this.isAnonymous() ? 'UNAUTHENTICATED' : error.code, { id: eventIdOf(value) });
      return;
    }
    this.route(event.type, event, 'event');
  }

  private route(message: string, data: unknown, form: FrameForm): void {
    const id = eventIdOf(data);
    if (this.isAnonymous() && !this.router.hasPublic(message))
      this.refuse('UNAUTHENTICATED', { id }, form, message);
    else if (!this.router.dispatch(message, data, form))
      this.refuse('UNKNOWN_EVENT', { id }, form, message);
  }

  /** Of a client that is closed, and has far more to say than its close frame. */
  private readLastWords(): void {
    const { maxBufferedBytes, maxUnauthenticatedMessageSize } = this.services.options.connection;
    const maxBytes = this.isAnonymous() ? maxUnauthenticatedMessageSize : maxBufferedBytes;
    readLastWords(this.socket, this.tcp, maxBytes);
  }

  private isAnonymous(): boolean {
    return this.client.user === undefined;
  }

  /** Nobody is there to read a close frame. */
  private drop(): void {
    this.services.events.lost(this.client, this.path);
    this.socket.terminate();
  }

  private close(code: number | undefined, reason: Code): void {
    this.services.events.closed(this.client, reason, this.path);
    this.socket.close(code, reason);
  }
}

function sizeOf(data: RawData): number {
  return (data as Buffer).byteLength;
}
