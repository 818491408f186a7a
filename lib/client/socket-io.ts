import type { WebSocketLike } from './web-socket.js';

/** The part of a `socket.io-client` socket that the client uses. */
export interface SocketIoSocket {
  readonly connected: boolean;
  auth: object;
  readonly io: {
    reconnection(isEnabled: boolean): unknown;
    readonly engine?: object;
  };

  connect(): unknown;
  disconnect(): unknown;
  emit(name: string, ...args: unknown[]): unknown;
  on(name: string, listener: (...args: unknown[]) => void): unknown;
  off(name: string, listener: (...args: unknown[]) => void): unknown;
  onAny(listener: (name: string, ...args: unknown[]) => void): unknown;
  offAny(listener: (name: string, ...args: unknown[]) => void): unknown;
}

/** The place where Engine.IO keeps its WebSocket. */
interface Engine {
  readonly transport?: { readonly ws?: { readonly bufferedAmount?: number } };
}

type Frame = Record<string, unknown>;

/** Socket.IO events that correspond to frames of the same name. */
const FRAMES = ['auth_success', 'auth_expiring', 'subscribed', 'unsubscribed', 'gap', 'event'];
const AUTH = 'auth';
/** Names for pings that do not collide with a `ping` event of the application. */
const PING = 'semantic-events:ping';
const PONG = 'semantic-events:pong';

/**
 * Connects a client over Socket.IO: `new SemanticEventsClient({ transport: overSocketIo(socket), getToken })`.
 * Create the socket with `autoConnect: false`. You can use it for other messages, too. The client reconnects by
 * itself, so this turns off the reconnection of the socket's manager.
 */
export function overSocketIo(socket: SocketIoSocket): () => WebSocketLike {
  return () => new SocketIoTransport(socket);
}

/** A Socket.IO connection with the interface of a WebSocket and the frames of PROTOCOL.md. */
class SocketIoTransport implements WebSocketLike {
  readyState = 1;
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onerror: WebSocketLike['onerror'] = null;
  onclose: WebSocketLike['onclose'] = null;
  readonly #socket: SocketIoSocket;
  /** Frames that arrived before the server's time, which the first event must be signed with. */
  #early: Frame[] | undefined = [];
  /** The code of the last packet, if it was a rejection of the connection. */
  #endedBy = '';

  constructor(socket: SocketIoSocket) {
    this.#socket = socket;
    socket.io.reconnection(false);
    socket.on('connect', this.#connected);
    socket.on('connect_error', this.#refused);
    socket.on('disconnect', this.#closed);
    socket.onAny(this.#received);
    // Call `onopen` after the callbacks are set, as a WebSocket does. Socket.IO sends the token when it
    // connects.
    void Promise.resolve().then(() => this.onopen?.({}));
  }

  get bufferedAmount(): number {
    const engine = this.#socket.io.engine as Engine | undefined;
    return engine?.transport?.ws?.bufferedAmount ?? 0;
  }

  send(text: string): void {
    const { type, ...body } = JSON.parse(text) as Frame & { type: string };
    if (this.#socket.connected) {
      const event = body.event as Frame & { type: string };
      // The server would take such a message for a frame, and a gateway that handles one breaks this client.
      if (type === 'event' && [AUTH, PING].includes(event.type))
        throw new TypeError(`"${event.type}" is reserved over Socket.IO`);
      if (type === 'event') this.#socket.emit(event.type, event);
      else this.#socket.emit(type === 'ping' ? PING : type, body);
    } else if (type === AUTH) {
      this.#socket.auth = body;
      this.#socket.connect();
    }
  }

  close(): void {
    this.readyState = 3;
    this.#socket.off('connect', this.#connected);
    this.#socket.off('connect_error', this.#refused);
    this.#socket.off('disconnect', this.#closed);
    this.#socket.offAny(this.#received);
    this.#socket.disconnect();
  }

  readonly #connected = () => {
    this.#socket.emit(PING);
  };

  readonly #received = (name: string, argument: unknown) => {
    const body = Object(argument) as Frame;
    this.#endedBy = '';
    if (name === 'exception') {
      // An exception of the application has no code.
      if (typeof body.code !== 'string') return;
      if (!body.id) this.#endedBy = body.code;
      // A code without a status always ends the connection, and the end reports it.
      if (body.status !== undefined) this.#deliver({ ...body, type: 'error' });
    } else if (name === PONG) this.#deliver({ ...body, type: 'pong' });
    else if (FRAMES.includes(name)) this.#deliver({ ...body, type: name });
    else if ('specversion' in body) this.#deliver({ type: 'event', event: body });
  };

  #deliver(frame: Frame): void {
    const early = this.#early;
    if (early && frame.type === 'auth_success') {
      early.push(frame);
      return;
    }
    this.onmessage?.({ data: JSON.stringify(frame) });
    if (frame.type !== 'pong') return;
    this.#early = undefined;
    for (const waiting of early ?? []) this.#deliver(waiting);
  }

  readonly #refused = (error: unknown) => {
    const { data, description } = error as { data?: Frame; description?: { message?: unknown } };
    if (data) this.#received('exception', data);
    // In Node the description says why, such as `Unexpected server response: 403`.
    this.onerror?.(description?.message ? description : error);
    this.#closed();
  };

  readonly #closed = (_?: unknown, details?: unknown) => {
    this.readyState = 3;
    // Before the namespace is entered, only the close frame has the code.
    const { reason = '' } = Object((details as Frame | undefined)?.context) as { reason?: string };
    this.onclose?.({ code: 1006, reason: this.#endedBy || reason });
  };
}
