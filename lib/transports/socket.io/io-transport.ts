import { Connection, type ServedEndpoint, type Transport } from '../../connection/guarded/index.js';
import type { Client, ConnectionSlot } from '../../connection/index.js';
import {
  type Code,
  describeRefusal,
  factsOf,
  type RefusalDetails,
  type ServerFrame,
} from '../../protocol/index.js';
import { contained } from '../../monitoring/index.js';
import type { GuardedSocket } from '../ws/index.js';
import { closeEngine, cutOff } from './engine-end.js';
import { NamespaceAdmission } from './namespace-admission.js';
import type { EngineConnection } from './io-types.js';
import { OutboundQueue } from './outbound-queue.js';
import { webSocketOf } from './web-socket-engine.js';

/**
 * Translates calls of a connection into calls of Socket.IO, for all namespaces of the client. `IoListener` handles the other
 * direction.
 */
export class IoTransport implements Transport<string> {
  readonly connection: Connection<string>;
  readonly admission: NamespaceAdmission;
  isPaused = false;
  private readonly queue: OutboundQueue;
  /** The open WebSockets of the client: that of the connection, and one to which a polling client may move. */
  private readonly sockets = new Set<GuardedSocket>();

  /** @param parse Socket.IO's parser, which passes messages to `IoDispatcher` */
  constructor(
    readonly client: Client,
    readonly conn: EngineConnection,
    slot: ConnectionSlot,
    readonly endpoint: ServedEndpoint,
    private readonly parse: (data: unknown) => void,
  ) {
    this.queue = new OutboundQueue(conn, ({ type }) => {
      this.queued(type);
    });
    this.connection = new Connection(client, slot, endpoint, this);
    this.admission = new NamespaceAdmission(this.connection);
  }

  /** Applies the limits of the client to one of its WebSockets. */
  add(socket: GuardedSocket): void {
    if (this.client.user) socket.liftLimits();
    if (!this.connection.isOpen) socket.stopReading();
    if (this.sockets.has(socket)) return;
    this.sockets.add(socket);
    socket.once(
      'close',
      contained(() => {
        this.sockets.delete(socket);
      }),
    );
  }

  get isOpen(): boolean {
    return this.conn.readyState === 'open';
  }

  /** True for a polling client: the server cannot pause it, only refuse its messages. */
  get ignoresPause(): boolean {
    return this.isPaused && webSocketOf(this.conn)?.isPaused !== true;
  }

  get inflates(): boolean {
    return (webSocketOf(this.conn)?.extensions ?? '') !== '';
  }

  /** True, because Engine.IO sends its own pings. */
  get hasOwnHeartbeat(): boolean {
    return true;
  }

  get queuedBytes(): number {
    return this.queue.bytes;
  }

  pause(): void {
    this.isPaused = true;
    webSocketOf(this.conn)?.pause();
  }

  resume(): void {
    this.isPaused = false;
    webSocketOf(this.conn)?.resume();
  }

  decode(text: string): void {
    // Socket.IO passes the packet to its namespace in the next tick.
    this.connection.restoreFrame(this.connection.frame);
    this.parse(text);
    // Socket.IO closes the connection after a packet that it cannot parse.
    if (!this.isOpen)
      this.connection.closing('BAD_FRAME', 'the message is not a packet of Socket.IO');
  }

  sendFrame({ type, ...body }: ServerFrame): void {
    this.emitToAll(type, body);
  }

  sendRefusal(code: Code, details: RefusalDetails): void {
    this.emitToAll('exception', this.describe(code, details));
  }

  sendEnd(code: Code, details: RefusalDetails): void {
    this.admission.reject(code, details);
    this.sendRefusal(code, details);
  }

  /** Returns the members of an error frame, in the detail that the option `errors` sets. */
  describe(code: Code, details?: RefusalDetails) {
    return describeRefusal(code, details, this.endpoint.services.options.errors === 'verbose');
  }

  liftSizeLimit(): void {
    for (const socket of this.sockets) socket.liftLimits();
  }

  ping(): void {
    // Engine.IO sends its own pings.
  }

  close(_: number | undefined, reason: Code): void {
    // Engine.IO closes the WebSocket only after it has sent what waits.
    for (const socket of this.sockets) socket.stopReading();
    const leave = () => {
      // After a disconnect packet Socket.IO's client does not reconnect. If the connection just closes, it does.
      if (factsOf(reason).retry !== 'reconnect')
        for (const socket of this.admission.sockets) socket.disconnect();
      closeEngine(this.conn, this.endpoint.services.options.connection.closeTimeout);
    };
    // Send the refusal before closing.
    if (this.admission.waiting > 0) setImmediate(contained(leave));
    else leave();
  }

  drop(): void {
    cutOff(this.conn);
  }

  private emitToAll(event: string, body: object): void {
    for (const socket of this.admission.sockets) socket.emit(event, body);
  }

  /** Called for each packet before it is queued. */
  private queued(type: string): void {
    const { maxBufferedBytes } = this.endpoint.services.options.connection;
    if (type === 'message') this.client.counters.sent++;
    if (!this.connection.isOpen || this.queuedBytes <= maxBufferedBytes) return;
    const reason = 'more than connection.maxBufferedBytes wait for the client';
    this.connection.closing('SLOW_CONSUMER', reason);
    this.drop();
  }
}
