import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { WebSocket } from 'ws';
import { TicketService } from '../auth/index.js';
import { Clock } from '../clock.js';
import { createEvent, type SemanticEvent, type SignedSemanticEvent } from '../event/index.js';
import type { ClientUser } from '../options/index.js';
import type { AuthSuccess, Code, Subprotocol } from '../protocol/index.js';
import { signatureFor } from '../signing/index.js';
import { type Frame, FrameQueue } from './frame-queue.js';

export interface ConnectOptions {
  /** The path of the gateway. @default '/events' */
  path?: string;
  /** The port of a gateway that has one of its own; the application's when left out. */
  port?: number;
  /** @default 'semantic-events.v1' */
  protocol?: Subprotocol;
  /** The `Origin` header; none when left out, as from clients that are not browsers. */
  origin?: string;
  headers?: Record<string, string>;
  /** How long to wait for a frame, in milliseconds. @default 5_000 */
  timeout?: number;
}

/** What a server told when it refused something. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: Code;

  /** @param frame the error frame */
  constructor(readonly frame: Frame) {
    super(`Refused: ${String(frame.code)}`);
    this.code = frame.code as Code;
  }
}

/** Issues a ticket for a user, as the ticket route would: what an `auth` frame takes in the place of a token. */
export function issueTicket(app: INestApplication, user: ClientUser): string {
  return app.get(TicketService, { strict: false }).issue(user).ticket;
}

/** A client for tests of an application: it connects over the loopback interface, authenticates and signs. */
export class EventTestClient {
  /** The code and reason the connection was closed with. */
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly frames = new FrameQueue();
  private session: { id: string; key: KeyObject } | undefined;

  private constructor(
    /** What it is connected by, for what this class does not do. */
    readonly socket: WebSocket,
    private readonly clock: Clock,
    private readonly options: ConnectOptions,
  ) {
    socket.on('message', data => {
      this.frames.add(JSON.parse((data as Buffer).toString('utf8')) as Frame);
    });
    this.closed = new Promise(resolve => {
      socket.on('close', (code, reason) => {
        this.frames.end(new Error(`The connection was closed: ${code} ${reason.toString()}`));
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /**
   * Connects to an application; one that does not listen yet is started, on a free port of 127.0.0.1.
   *
   * @throws Error with the HTTP status where the handshake is refused
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
      socket.on('error', reject);
    });
    return client;
  }

  /** A client that is connected and authenticated as a user, by a ticket. */
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
   * Sends a token or ticket, and signs by the session key from then on.
   *
   * @throws RefusedError
   */
  async authenticate(token: string): Promise<Frame> {
    this.send({ type: 'auth', token });
    const answer = await this.next();
    if (answer.type !== 'auth_success') throw new RefusedError(answer);
    const { key_id: id, key } = (answer as unknown as AuthSuccess).signing;
    this.session = { id, key: createSecretKey(Buffer.from(key, 'base64url')) };
    return answer;
  }

  /** Sends a signed event; what comes back is for `next` to take. */
  emit<T>(type: string, data?: T, attributes?: Partial<SemanticEvent<T>>): SignedSemanticEvent<T> {
    const event = this.event(type, data, attributes);
    this.send(this.options.protocol === 'cloudevents.json' ? event : { type: 'event', event });
    return event;
  }

  /**
   * Sends a signed event and waits for the event that answers it; others that come before are passed over.
   *
   * @throws RefusedError when it is refused; Error when no answer comes in time
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

  /** A signed event that has not been sent. @throws Error before authentication */
  event<T>(
    type: string,
    data?: T,
    attributes: Partial<SemanticEvent<T>> = {},
  ): SignedSemanticEvent<T> {
    const init = { type, source: 'test-client', semanticnonce: randomUUID(), data, ...attributes };
    const event = createEvent(init, this.clock.now());
    const semanticsignature = this.signature(event, 'c2s');
    return { ...event, semanticsignature } as SignedSemanticEvent<T>;
  }

  /** Whether the server has signed an event for this connection. */
  verifies(event: SemanticEvent): boolean {
    return event.semanticsignature === this.signature(event, 's2c');
  }

  /** Sends any frame. */
  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame, in the order they came. @throws Error when none comes in time, or the connection is closed */
  next(): Promise<Frame> {
    return this.frames.next(this.options.timeout ?? 5_000);
  }

  /** Closes the connection, and waits until it is. */
  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  private signature(event: SemanticEvent, direction: 'c2s' | 's2c'): string {
    if (!this.session) throw new Error('Only who is authenticated has a key to sign with');
    return signatureFor(event, direction, this.session);
  }
}

async function portOf(app: INestApplication): Promise<number> {
  const server = app.getHttpServer() as { address(): AddressInfo | null };
  if (!server.address()) await app.listen(0, '127.0.0.1');
  const address = server.address();
  if (!address) throw new Error('The application does not listen');
  return address.port;
}
