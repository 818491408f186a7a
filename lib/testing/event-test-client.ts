import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { WebSocket } from 'ws';
import { TicketService } from '../auth/index.js';
import { overSocketIo, type SocketIoSocket, type WebSocketLike } from '../client/index.js';
import { Clock } from '../clock.js';
import { completeEvent, type SemanticEvent, type SignedSemanticEvent } from '../event/index.js';
import type { ClientUser } from '../options/index.js';
import type { AuthSuccess, Code, Subprotocol } from '../protocol/index.js';
import { signatureFor } from '../signing/index.js';
import { type Frame, FrameQueue } from './frame-queue.js';

export interface ConnectOptions {
  /** The path of the gateway. @default '/events' */
  path?: string;
  /** The port of a gateway with a port of its own. @default the port of the application */
  port?: number;
  /** @default 'semantic-events.v1' */
  protocol?: Subprotocol;
  /** The `Origin` header. Without it the client looks like one that is not a browser. */
  origin?: string;
  headers?: Record<string, string>;
  /** The time to wait for a frame, in milliseconds. @default 5_000 */
  timeout?: number;
}

/** Thrown when the server rejects a token or an event. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: Code;

  /** @param frame the error frame */
  constructor(readonly frame: Frame) {
    super(`Refused: ${String(frame.code)}`);
    this.code = frame.code as Code;
  }
}

/** Issues a ticket for a user, as the ticket route does. An `auth` frame accepts it as its token. */
export function issueTicket(app: INestApplication, user: ClientUser): string {
  return app.get(TicketService, { strict: false }).issue(user).ticket;
}

/** A client for tests of an application. It connects over the loopback interface, authenticates and signs. */
export class EventTestClient<S extends WebSocketLike = WebSocket> {
  /** Resolves with the code and reason when the connection is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly frames = new FrameQueue();
  private session: { id: string; key: KeyObject } | undefined;

  private constructor(
    /** The underlying socket, for everything that this class does not offer. */
    readonly socket: S,
    private readonly clock: Clock,
    private readonly options: ConnectOptions,
  ) {
    socket.onmessage = ({ data }: { data: unknown }) => {
      this.frames.add(JSON.parse(String(data)) as Frame);
    };
    this.closed = new Promise(resolve => {
      socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
        this.frames.end(new Error(`The connection was closed: ${code} ${reason}`));
        resolve({ code, reason });
      };
    });
  }

  /**
   * Connects to an application. If the application does not listen yet, it is started on a free port of 127.0.0.1.
   *
   * @throws Error with the HTTP status if the server rejects the handshake
   */
  static async connect(
    app: INestApplication,
    options: ConnectOptions = {},
  ): Promise<EventTestClient> {
    const port = options.port ?? (await portOf(app));
    const { path = '/events', protocol = 'semantic-events.v1', origin, headers } = options;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol, { origin, headers });
    const clock = app.get(Clock, { strict: false });
    const client = new EventTestClient(socket, clock, options);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.on('error', (error: Error) => {
        const hint =
          'Is the adapter installed, is a gateway at this path, and is the origin allowed?';
        reject(new Error(`Cannot connect to ${path}: ${error.message}. ${hint}`, { cause: error }));
      });
    });
    return client;
  }

  /** Connects, and authenticates as a user with a ticket. */
  static async login(
    app: INestApplication,
    user: ClientUser,
    options?: ConnectOptions,
  ): Promise<EventTestClient> {
    const client = await EventTestClient.connect(app, options);
    await client.authenticate(issueTicket(app, user));
    return client;
  }

  /**
   * Connects over Socket.IO, and authenticates as a user with a ticket. Frames have the form of PROTOCOL.md, as on
   * WebSockets.
   *
   * @param socket a socket of socket.io-client, created with `autoConnect: false` and the address of the application
   * @throws RefusedError
   */
  static async loginOver(
    socket: SocketIoSocket,
    app: INestApplication,
    user: ClientUser,
    options: Pick<ConnectOptions, 'timeout'> = {},
  ): Promise<EventTestClient<WebSocketLike>> {
    const clock = app.get(Clock, { strict: false });
    const client = new EventTestClient(overSocketIo(socket)(), clock, options);
    await client.authenticate(issueTicket(app, user));
    return client;
  }

  /**
   * Sends a token or ticket. From then on the client signs with the session key.
   *
   * @throws RefusedError
   */
  async authenticate(token: string): Promise<Frame> {
    this.send({ type: 'auth', token });
    let answer = await this.next();
    // Over Socket.IO the server's time arrives first.
    if (answer.type === 'pong') answer = await this.next();
    if (answer.type !== 'auth_success') throw new RefusedError(answer);
    const { key_id: id, key } = (answer as unknown as AuthSuccess).signing;
    this.session = { id, key: createSecretKey(Buffer.from(key, 'base64url')) };
    return answer;
  }

  /** Sends a signed event. Read the answer with `next()`. */
  emit<T>(type: string, data?: T, attributes?: Partial<SemanticEvent<T>>): SignedSemanticEvent<T> {
    const event = this.event(type, data, attributes);
    this.send(this.options.protocol === 'cloudevents.json' ? event : { type: 'event', event });
    return event;
  }

  /**
   * Sends a signed event and returns the event that answers it. It skips other events that arrive before.
   *
   * @throws RefusedError if the server rejects the event; Error if no answer arrives in time
   */
  async request<T>(
    type: string,
    data?: T,
    attributes?: Partial<SemanticEvent<T>>,
  ): Promise<SemanticEvent> {
    const { id } = this.emit(type, data, attributes);
    for (;;) {
      const frame = await this.next();
      const event = (frame.type === 'event' ? frame.event : frame) as SemanticEvent;
      if (frame.type === 'error' && frame.id === id) throw new RefusedError(frame);
      if (event.semanticcorrelationid === id) return event;
    }
  }

  /** Creates a signed event without sending it. @throws Error before authentication */
  event<T>(
    type: string,
    data?: T,
    attributes: Partial<SemanticEvent<T>> = {},
  ): SignedSemanticEvent<T> {
    const init = { type, source: 'test-client', semanticnonce: randomUUID(), data, ...attributes };
    const event = completeEvent(init, this.clock.now());
    const semanticsignature = this.signature(event, 'c2s');
    return { ...event, semanticsignature } as SignedSemanticEvent<T>;
  }

  /** Returns whether the server has signed an event for this connection. */
  verifies(event: SemanticEvent): boolean {
    return event.semanticsignature === this.signature(event, 's2c');
  }

  /** Sends any frame. */
  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Returns the next frame, in the order of arrival. @throws Error if none arrives in time, or the connection is closed */
  next(): Promise<Frame> {
    return this.frames.next(this.options.timeout ?? 5_000);
  }

  /** Closes the connection and waits until it is closed. */
  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  private signature(event: SemanticEvent, direction: 'c2s' | 's2c'): string {
    if (!this.session)
      throw new Error('Call authenticate() first: only an authenticated client has a session key');
    return signatureFor(event, direction, this.session);
  }
}

async function portOf(app: INestApplication): Promise<number> {
  const server = app.getHttpServer() as { address(): AddressInfo | null };
  if (!server.address()) await app.listen(0, '127.0.0.1');
  const address = server.address();
  if (!address) throw new Error('The application does not listen: call app.listen() first');
  return address.port;
}
