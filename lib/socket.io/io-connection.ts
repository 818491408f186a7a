import type { WebSocket } from 'ws';
import {
  closedOrLate,
  closingOf,
  type ConnectionServices,
  type Endpoint,
  type FrameBuckets,
  FrameMeter,
  Intake,
  type IntakeOwner,
  OWNER,
  RunningCalls,
  type SocketOwner,
  watchMessageSize,
} from '../adapter/index.js';
import {
  type Client,
  type ConnectionSlot,
  Liveness,
  type ManagedConnection,
} from '../connection/index.js';
import {
  type Code,
  describeRefusal,
  factsOf,
  type RefusalDetails,
  type ServerFrame,
} from '../protocol/index.js';
import { closeEngine, cutOff } from './engine-end.js';
import { Entrance, type EntranceOwner } from './entrance.js';
import type { EngineConnection, IoSocket } from './io-types.js';
import { Reading } from './reading.js';
import { SendQueue } from './send-queue.js';
import { pathOf } from './server-options.js';
import { webSocketOf } from './web-socket-engine.js';

type OwnedSocket = WebSocket & { [OWNER]?: SocketOwner };

/**
 * One client of Socket.IO, in however many namespaces it is: one place, one session, one meter. What comes in is
 * checked here before Socket.IO parses it.
 */
export class IoConnection implements ManagedConnection, IntakeOwner<string>, EntranceOwner {
  readonly calls = new RunningCalls();
  readonly entrance: Entrance;

  private readonly meter: FrameMeter;
  private readonly liveness: Liveness;
  private readonly intake: Intake<string>;
  private readonly reading: Reading;
  private readonly queue: SendQueue;
  private readonly sockets = new Set<IoSocket>();
  /** Has Socket.IO take a packet. */
  private readonly parse: (data: unknown) => void;
  private endProbation: (() => void) | undefined;
  private isLeaving = false;
  private isClosing = false;

  constructor(
    readonly client: Client,
    private readonly conn: EngineConnection,
    slot: ConnectionSlot,
    private readonly services: ConnectionServices,
    private readonly endpoint: Endpoint,
    buckets: FrameBuckets,
  ) {
    const { clock, options } = services;
    const { idleTimeout, maxBufferedBytes, maxUnauthenticatedMessageSize } = options.connection;
    this.entrance = new Entrance(this, slot, services, endpoint);
    this.meter = new FrameMeter(buckets);
    // The engine sends pings by itself.
    this.liveness = new Liveness(
      { idleTimeout, heartbeatInterval: Infinity },
      clock.monotonic(),
      1,
    );
    this.reading = new Reading(conn);
    this.intake = new Intake(this.reading, this);
    this.queue = new SendQueue(conn, ({ type }) => {
      if (type === 'message') client.counters.sent++;
      if (this.isOpen && this.queuedBytes > maxBufferedBytes) this.dropSlow();
    });
    this.parse = this.listen();
    if (webSocketOf(conn))
      this.endProbation = watchMessageSize(
        conn.request.socket,
        maxUnauthenticatedMessageSize,
        () => {
          this.refuse('MESSAGE_TOO_LARGE');
        },
      );
    services.connections.add(this);
  }

  get isOpen(): boolean {
    return this.conn.readyState === 'open' && !this.isClosing;
  }

  /** Whether messages are still handled. */
  get isTaking(): boolean {
    return this.isOpen && !this.isLeaving;
  }

  get hasRoom(): boolean {
    return this.isOpen && this.calls.count < this.services.options.connection.maxRunningHandlers;
  }

  get queuedBytes(): number {
    return this.queue.bytes;
  }

  get isAnonymous(): boolean {
    return this.client.user === undefined;
  }

  get namespaces(): number {
    return this.sockets.size;
  }

  tell({ type, ...body }: ServerFrame): void {
    this.tellAll(type, body);
  }

  authenticated(): void {
    this.endProbation?.();
    this.endProbation = undefined;
    this.services.events.authenticated(this.client, pathOf(this.endpoint));
  }

  joined(socket: IoSocket): void {
    this.sockets.add(socket);
    socket.once('disconnect', () => {
      this.sockets.delete(socket);
    });
  }

  refuse(
    code: Code,
    details: RefusalDetails = {},
    { socket, eventType }: { socket?: IoSocket; eventType?: string } = {},
  ): void {
    if (!this.isOpen) return;
    this.tellAll('exception', describeRefusal(code, details), socket);
    this.note(code, eventType);
  }

  /** Counts a refusal, and closes where that is called for. */
  note(code: Code, eventType?: string): void {
    const { clock, events } = this.services;
    this.client.counters.refused++;
    events.refused(this.client, code, { path: pathOf(this.endpoint), eventType });
    const closing = closingOf(code, this.isAnonymous, () => this.meter.strike(clock.monotonic()));
    if (closing) this.close(closing.reason);
  }

  end(code: Code, details: RefusalDetails = {}): void {
    if (!this.isOpen) return;
    this.entrance.shut(code, details);
    this.tellAll('exception', describeRefusal(code, details));
    this.close(code);
  }

  /** Takes nothing more, lets running handlers finish and answer, and closes. */
  async shutDown(): Promise<void> {
    this.endProbation?.();
    this.isLeaving = true;
    this.intake.clear();
    await this.calls.idle(this.services.options.connection.shutdownTimeout);
    if (!this.isOpen) return;
    const carrier = webSocketOf(this.conn) ?? this.conn;
    const closed = new Promise(resolve => carrier.once('close', resolve));
    this.end('SERVER_SHUTDOWN');
    await closedOrLate(closed);
    this.drop();
  }

  checkDeadlines(): void {
    if (!this.isOpen) return;
    this.entrance.checkDeadlines();
    if (this.liveness.due(this.services.clock.monotonic()) === 'idle') this.end('IDLE_TIMEOUT');
  }

  /** Called when a handler has finished: there is room for what was held back. */
  handlerFinished(): void {
    this.calls.end();
    this.intake.goOn();
  }

  /** Takes what the intake lets through. */
  read(text: string): void {
    this.parse(text);
    // What cannot be parsed has Socket.IO close the connection.
    if (this.conn.readyState !== 'open' && !this.isClosing) this.tellClosed('BAD_FRAME');
  }

  /** Puts itself before what Socket.IO listens with. @returns that */
  private listen(): (data: unknown) => void {
    const { conn } = this;
    const [parse] = conn.listeners('data') as [(data: unknown) => void];
    conn.off('data', parse);
    conn.on('data', (data: unknown) => {
      this.receive(data);
    });
    conn.on('packet', ({ type }: { type: string }) => {
      if (type !== 'message') this.charge();
    });
    this.listenToWebSocket();
    conn.once('upgrade', () => {
      this.listenToWebSocket();
    });
    conn.once('close', () => {
      this.intake.clear();
      this.entrance.shut('UNAUTHENTICATED');
      this.services.connections.remove(this);
    });
    return parse;
  }

  private listenToWebSocket(): void {
    const socket: OwnedSocket | undefined = webSocketOf(this.conn);
    if (!socket) return;
    socket[OWNER] = {
      // Pings and pongs of the WebSocket itself, which Engine.IO has no use for.
      pinged: data => {
        if (this.charge()) socket.pong(data);
      },
      ponged: () => {
        this.charge();
      },
      closing: code => {
        this.tellClosed(code);
      },
    };
  }

  private receive(data: unknown): void {
    if (!this.isTaking) return;
    const { clock, options } = this.services;
    this.client.counters.received++;
    this.client.lastActivityAt = clock.now();
    this.liveness.active(clock.monotonic());
    if (typeof data !== 'string') this.refuse('UNSUPPORTED_FRAME');
    else if (
      this.isAnonymous &&
      Buffer.byteLength(data) > options.connection.maxUnauthenticatedMessageSize
    )
      this.refuse('MESSAGE_TOO_LARGE');
    else if (this.charge()) {
      if (this.reading.isIgnored) this.refuse('RATE_LIMITED');
      else this.intake.take(data);
    }
  }

  /** Every packet costs the same, before anything is known of it. */
  private charge(): boolean {
    if (!this.isOpen) return false;
    const retryAfter = this.meter.charge(this.services.clock.monotonic());
    if (retryAfter > 0) this.refuse('RATE_LIMITED', { retryAfter });
    return retryAfter === 0;
  }

  private tellAll(event: string, body: object, only?: IoSocket): void {
    for (const socket of only ? [only] : this.sockets) socket.emit(event, body);
  }

  private close(reason: Code): void {
    if (!this.isOpen) return;
    this.isClosing = true;
    this.tellClosed(reason);
    // Who is refused entry is told so first.
    if (this.entrance.waiting > 0)
      setImmediate(() => {
        this.leave(reason);
      });
    else this.leave(reason);
  }

  /** A client that is told to go does not come back by itself; one that is only cut off does. */
  private leave(reason: Code): void {
    if (factsOf(reason).retry !== 'reconnect')
      for (const socket of this.sockets) socket.disconnect();
    closeEngine(this.conn, this.services.options.connection.closeTimeout);
  }

  private dropSlow(): void {
    this.tellClosed('SLOW_CONSUMER');
    this.drop();
  }

  private drop(): void {
    this.isClosing = true;
    cutOff(this.conn);
  }

  private tellClosed(code: Code): void {
    this.services.events.closed(this.client, code, pathOf(this.endpoint));
  }
}
