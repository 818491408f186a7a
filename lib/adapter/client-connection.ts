import type { RawData, WebSocket } from 'ws';
import type { AuthenticatedSession } from '../auth/index.js';
import type { Client, ManagedConnection } from '../connection/index.js';
import { type FrameForm, markReceived, validateEvent } from '../event/index.js';
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
} from '../protocol/index.js';
import { takeTokens, type TokenBucket, tokenBucket } from '../rate-limit/index.js';
import type { ConnectionServices } from './connection-services.js';
import type { Endpoint } from './gateway-catalog.js';
import { MessageRouter } from './message-router.js';
import { subprotocolOf } from './subprotocol.js';

const OPEN = 1;

/** One connection from the first frame to the last: what comes in is checked here before Nest sees it. */
export class ClientConnection implements ManagedConnection {
  readonly router: MessageRouter;

  private readonly bucket: TokenBucket;
  private bucketFullAt = 0;
  private readonly authDeadline: number;
  private isAuthenticating = false;
  private isEnding = false;

  constructor(
    readonly client: Client,
    private readonly socket: WebSocket,
    private readonly endpoint: Endpoint,
    private readonly services: ConnectionServices,
  ) {
    const { messageRate, messageBurst } = services.options.connection;
    this.bucket = tokenBucket({ rate: messageRate, burst: messageBurst });
    this.authDeadline = services.clock.monotonic() + services.options.auth.timeout;
    this.router = new MessageRouter(this, services, subprotocolOf(socket.protocol));
    socket.on('message', (data, isBinary) => {
      this.receive(data, isBinary);
    });
    socket.once('close', () => {
      this.isEnding = true;
      this.router.stop();
      services.connections.remove(this);
    });
    services.connections.add(this);
  }

  send(text: string): void {
    if (this.socket.readyState === OPEN) this.socket.send(text);
  }

  /** Tells the peer of a refusal in the form of the frame refused, and closes where the code says so. */
  refuse(code: Code, details: RefusalDetails = {}, form: FrameForm = 'event'): void {
    if (this.isEnding) return;
    this.send(form === 'event' ? errorFrame(code, details) : exceptionFrame(code, details));
    const { closes } = factsOf(code);
    if (closes === 'always' || (closes === 'before-authentication' && !this.client.user))
      this.close(code);
  }

  end(code: Code): void {
    if (this.isEnding) return;
    if (factsOf(code).status !== undefined) this.send(errorFrame(code));
    this.close(code);
  }

  checkDeadlines(): void {
    const { clock, catalog } = this.services;
    const { user, expiresAt = Infinity } = this.client;
    if (user) {
      if (expiresAt <= clock.now()) this.end('SESSION_EXPIRED');
    } else if (clock.monotonic() >= this.authDeadline && !catalog.isOpen(this.endpoint)) {
      this.end('AUTH_TIMEOUT');
    }
  }

  private close(code: Code): void {
    this.isEnding = true;
    this.socket.close(factsOf(code).close, code);
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (this.isEnding) return;
    if (isBinary) {
      this.refuse('UNSUPPORTED_FRAME');
      return;
    }
    if (!this.charge()) return;
    try {
      this.take(decodeFrame((data as Buffer).toString('utf8'), this.router.subprotocol));
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      this.refuse(error.code, { retryAfter: error.retryAfter });
    }
  }

  /** Every frame costs the same, before anything is known of it. */
  private charge(): boolean {
    const now = this.services.clock.monotonic();
    const fullAt = takeTokens(this.bucket, this.bucketFullAt, now, 1);
    if (fullAt !== undefined) {
      this.bucketFullAt = fullAt;
      return true;
    }
    const retryAfter = this.bucketFullAt + this.bucket.interval - this.bucket.fillTime - now;
    this.refuse('RATE_LIMITED', { retryAfter });
    return false;
  }

  private take(frame: ClientFrame): void {
    switch (frame.kind) {
      case 'ping':
        this.send(
          encodeFrame({ type: 'pong', time: new Date(this.services.clock.now()).toISOString() }),
        );
        return;
      case 'auth':
        this.authenticate(frame.token);
        return;
      case 'event':
        this.takeEvent(frame.event);
        return;
      case 'nest':
        this.route(frame.name, frame.data, 'nest');
        return;
      case 'subscribe':
      case 'unsubscribe':
        this.refuse(this.client.user ? 'FORBIDDEN' : 'UNAUTHENTICATED');
    }
  }

  private takeEvent(event: unknown): void {
    try {
      validateEvent(event, this.services.options.event);
    } catch (error) {
      // Who has not authenticated learns that first, and nothing of what we think of the event.
      if (!(error instanceof RefusalError)) throw error;
      const id = eventIdOf(event);
      this.refuse(this.isAnonymous() ? 'UNAUTHENTICATED' : error.code, { id });
      return;
    }
    markReceived(event, 'event');
    this.route(event.type, event, 'event');
  }

  private route(message: string, data: unknown, form: FrameForm): void {
    const id = eventIdOf(data);
    if (!this.router.hasPublic(message) && this.isAnonymous()) {
      this.refuse('UNAUTHENTICATED', { id }, form);
    } else if (!this.router.dispatch(message, data, form)) {
      this.refuse('UNKNOWN_EVENT', { id }, form);
    }
  }

  private isAnonymous(): boolean {
    return this.client.user === undefined;
  }

  private authenticate(token: string): void {
    if (this.isAuthenticating) {
      this.refuse('UNAUTHENTICATED');
      return;
    }
    const session = this.services.authenticator.authenticate(token, this.client.handshake);
    if (!(session instanceof Promise)) {
      this.welcome(session);
      return;
    }
    this.isAuthenticating = true;
    session
      .then(
        result => {
          this.welcome(result);
        },
        () => {
          this.refuse('AUTH_FAILED');
        },
      )
      .finally(() => {
        this.isAuthenticating = false;
      });
  }

  private welcome({ user, expiresAt }: AuthenticatedSession): void {
    if (this.isEnding) return;
    if (!this.client.authenticateAs(user, expiresAt)) {
      this.refuse('AUTH_FAILED');
      return;
    }
    const { id, key } = this.services.signer.sessionKeyOf(this.client);
    this.send(
      encodeFrame({
        type: 'auth_success',
        client_id: this.client.id,
        user_id: String(user.id),
        expires_at: new Date(expiresAt).toISOString(),
        signing: { scheme: 'v1', key_id: id, key: key.export().toString('base64url') },
      }),
    );
  }
}
