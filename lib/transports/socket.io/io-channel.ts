import type { Channel } from '../../connection/guarded/index.js';
import type { Client } from '../../connection/index.js';
import type { FrameForm, SemanticEvent } from '../../event/index.js';
import { contained } from '../../monitoring/index.js';
import {
  type AuthSuccess,
  type Code,
  NATIVE_PROTOCOL,
  type RefusalDetails,
} from '../../protocol/index.js';
import type { IoTransport } from './io-transport.js';
import type { IoSocket } from './io-types.js';

/** The interval between two looks at the queue, in milliseconds. */
const POLL_INTERVAL = 10;

/** The channel of a client in one namespace. It sends frames as Socket.IO events, named by their type. */
export class IoChannel implements Channel {
  readonly subprotocol = NATIVE_PROTOCOL;

  constructor(
    private readonly transport: IoTransport,
    private readonly socket: IoSocket,
    private welcome: AuthSuccess | undefined,
  ) {}

  /** Confirms the session, once the client is in its namespace. */
  greet(): void {
    if (!this.welcome) return;
    const { type, ...body } = this.welcome;
    this.welcome = undefined;
    this.socket.emit(type, body);
  }

  get client(): Client {
    return this.transport.client;
  }

  get isOpen(): boolean {
    return this.transport.connection.isOpen && this.socket.connected;
  }

  get queuedBytes(): number {
    return this.transport.queuedBytes;
  }

  /** @param message the text of a frame */
  send(message: string | Buffer, sent?: () => void): void {
    const { type, ...body } = JSON.parse(message.toString()) as { type: string };
    this.emit(type, body, sent);
  }

  sendEvent(event: SemanticEvent, cursor: string, sent?: () => void): void {
    this.emit('event', { event, cursor }, sent);
  }

  sendRefusal(code: Code, details: RefusalDetails): void {
    this.socket.emit('exception', this.transport.describe(code, details));
  }

  refuse(code: Code, details?: RefusalDetails, form?: FrameForm, eventType?: string): void {
    this.transport.connection.refuse(code, details, { form, eventType, channel: this });
  }

  end(code: Code, details?: RefusalDetails): void {
    this.transport.connection.end(code, details);
  }

  emit(name: string, body: object, sent?: () => void): void {
    if (this.isOpen) this.socket.emit(name, body);
    if (sent) this.whenSent(contained(sent));
  }

  /** Polls until the queue is empty, because Engine.IO has no callback for one packet. */
  private whenSent(sent: () => void): void {
    if (this.isOpen && this.queuedBytes > 0)
      setTimeout(
        contained(() => {
          this.whenSent(sent);
        }),
        POLL_INTERVAL,
      ).unref();
    else sent();
  }
}
