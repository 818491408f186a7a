import type { Socket } from 'node:net';
import {
  type Channel,
  Connection,
  decode,
  Dispatcher,
  subprotocolOf,
  type Transport,
} from '../../connection/guarded/index.js';
import type { Client, ConnectionSlot } from '../../connection/index.js';
import type { FrameForm } from '../../event/index.js';
import {
  type Code,
  encodeFrame,
  errorFrame,
  exceptionFrame,
  factsOf,
  type RefusalDetails,
  type ServerFrame,
  type Subprotocol,
} from '../../protocol/index.js';
import { textFrame, textIn } from '../../text-frame.js';
import type { GuardedSocket } from './guarded-socket.js';
import type { WsEndpoint } from './ws-endpoint.js';

const OPEN = 1;
const TEXT = { binary: false };

/** Translates calls of a connection into calls of ws. `WsListener` handles the other direction. */
export class WsTransport implements Transport<Buffer>, Channel {
  readonly connection: Connection<Buffer>;
  readonly dispatcher: Dispatcher;
  readonly subprotocol: Subprotocol;
  /** The turn of the event loop in which a shared frame was last written. */
  private lastSharedTurn: number | undefined;

  constructor(
    client: Client,
    readonly socket: GuardedSocket,
    readonly tcp: Socket,
    slot: ConnectionSlot,
    readonly endpoint: WsEndpoint,
  ) {
    this.subprotocol = subprotocolOf(socket.protocol);
    this.connection = new Connection(client, slot, endpoint, this);
    this.dispatcher = new Dispatcher(this.connection, this, endpoint.routes);
  }

  get client(): Client {
    return this.connection.client;
  }

  get isOpen(): boolean {
    return this.socket.readyState === OPEN;
  }

  get isPaused(): boolean {
    return this.socket.isPaused;
  }

  get ignoresPause(): boolean {
    return false;
  }

  get inflates(): boolean {
    return this.socket.extensions !== '';
  }

  get hasOwnHeartbeat(): boolean {
    return false;
  }

  get queuedBytes(): number {
    return this.socket.bufferedAmount;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  decode(message: Buffer): void {
    decode(message, this.dispatcher);
  }

  sendFrame(frame: ServerFrame): void {
    this.send(encodeFrame(frame));
  }

  /**
   * @param message a text, or a complete frame
   * @param sent called when the message has left, or was dropped
   */
  send(message: string | Buffer, sent?: () => void): void {
    if (!this.socket.checkQueue()) {
      sent?.();
      return;
    }
    this.client.counters.sent++;
    if (this.inflates) {
      // ws compresses, and keeps the order.
      this.socket.send(typeof message === 'string' ? message : textIn(message), TEXT, sent);
      return;
    }
    const { outbound } = this.endpoint;
    if (typeof message === 'string') {
      outbound.cork(this.tcp);
      this.tcp.write(textFrame(message), sent);
    } else {
      this.lastSharedTurn = outbound.corkAfterFirst(this.tcp, this.lastSharedTurn);
      this.tcp.write(message, sent);
    }
  }

  refuse(code: Code, details?: RefusalDetails, form?: FrameForm, eventType?: string): void {
    this.connection.refuse(code, details, { form, eventType });
  }

  sendRefusal(code: Code, details: RefusalDetails, form: FrameForm): void {
    const frame = form === 'event' ? errorFrame : exceptionFrame;
    this.send(frame(code, details, this.endpoint.services.options.errors === 'verbose'));
  }

  end(code: Code, details?: RefusalDetails): void {
    this.connection.end(code, details);
  }

  sendEnd(code: Code, details: RefusalDetails): void {
    if (factsOf(code).status !== undefined) this.sendRefusal(code, details, 'event');
  }

  liftSizeLimit(): void {
    this.socket.liftLimits();
  }

  ping(): void {
    this.socket.ping();
  }

  close(closeCode: number | undefined, reason: Code): void {
    this.socket.close(closeCode, reason);
  }

  drop(): void {
    this.socket.terminate();
  }
}
