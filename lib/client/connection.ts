import type { SemanticEvent } from '../event/semantic-event.js';
import { fromBase64, utf8 } from './bytes.js';
import { randomId } from './client-crypto.js';
import { SemanticEventsClientError } from './client-error.js';
import { openSocket, type ResolvedClientOptions } from './client-options.js';
import { Heartbeat } from './heartbeat.js';
import { refusalOf, type ServerFrame } from './server-frame.js';
import { SessionKeys, type SigningFrame } from './session-keys.js';
import type { WebSocketLike } from './web-socket.js';

const OPEN = 1;
const NORMAL_CLOSURE = 1000;

/**
 * The maximum number of received characters that wait to be verified. Beyond it the client disconnects and
 * resumes later.
 */
const MAX_BACKLOG = 2 ** 24;

/** The maximum number of bytes in the send buffer of the socket. Beyond it the client sends nothing more. */
const MAX_BUFFERED = 2 ** 20;

/** The session of an authenticated connection. */
export interface ClientSession {
  readonly clientId: string;
  readonly userId: string;
  readonly expiresAt: Date;
}

/** Receives the frames of a connection, in the order they arrived. */
export interface FrameReceiver {
  received(event: SemanticEvent, cursor: string | undefined): void;
  control(frame: ServerFrame): void;
  synchronised(): void;
  failed(error: SemanticEventsClientError): void;
}

/** The owner of a connection. */
export interface ConnectionOwner {
  /** Called after each authentication: the first one and every renewal. */
  authenticated(connection: Connection, session: ClientSession): void;
  ended(connection: Connection, reason: SemanticEventsClientError): void;
}

interface AuthSuccessFrame {
  client_id: string;
  user_id: string;
  expires_at: string;
  signing: SigningFrame;
}

/** One connection: it gets a token, opens a socket, authenticates, renews the session, and ends. */
export class Connection {
  readonly #options: ResolvedClientOptions;
  readonly #inbox: FrameReceiver;
  readonly #owner: ConnectionOwner;
  readonly #heartbeat: Heartbeat;
  #socket: WebSocketLike | undefined;
  #keys: SessionKeys | undefined;
  #session: ClientSession | undefined;
  #isEnded = false;
  #isAbandoned = false;
  /** Verifies one frame after the other, so that callbacks run in the order of the frames. */
  #inbound = Promise.resolve();
  #backlog = 0;
  /** The server's clock minus the local clock, in milliseconds: the server checks events by its own clock. */
  #clockOffset = 0;
  #isSynchronised = true;
  /** The last error frame. It may say more than the close frame that follows it. */
  #refusal: ServerFrame = {};
  readonly #cancelConnectDeadline: () => void;
  #cancelRenewal: (() => void) | undefined;
  #isRenewing = false;

  constructor(options: ResolvedClientOptions, inbox: FrameReceiver, owner: ConnectionOwner) {
    this.#options = options;
    this.#inbox = inbox;
    this.#owner = owner;
    const timedOut = () => {
      this.end(new SemanticEventsClientError('TIMEOUT'));
    };
    const ping = () => {
      this.send({ type: 'ping' });
    };
    this.#heartbeat = new Heartbeat(options, ping, timedOut);
    this.#cancelConnectDeadline = options.clock.after(options.connectTimeout, timedOut);
    void this.#open(ping);
  }

  get session(): ClientSession | undefined {
    return this.#session;
  }

  /** Returns whether the connection is authenticated and open. */
  get isOpen(): boolean {
    return !this.#isEnded && this.#session !== undefined && this.#isConnected;
  }

  /** Returns whether it can send events: it is open and the server's time is known. */
  get isReady(): boolean {
    return this.isOpen && this.#isSynchronised;
  }

  /** Returns whether the send buffer of the socket is full. */
  get isCongested(): boolean {
    return (this.#socket?.bufferedAmount ?? 0) > MAX_BUFFERED;
  }

  get canVerifyBroadcasts(): boolean {
    return this.#keys?.canVerifyBroadcasts === true;
  }

  send(frame: object): void {
    // Some implementations throw when the socket has just closed.
    if (this.#isConnected) this.#socket?.send(JSON.stringify(frame));
  }

  /**
   * Signs an event for this connection and returns its frame.
   *
   * @throws SemanticEventsClientError `MESSAGE_TOO_LARGE`
   */
  async sign(event: SemanticEvent): Promise<object> {
    const { clock, crypto, maxMessageSize } = this.#options;
    const signed = await this.#keys?.sign({
      ...event,
      source: event.source || `user:${encodeURIComponent(this.#session?.userId ?? '')}`,
      // Set the time when the event is sent: an event that waited in the queue would have expired.
      time: new Date(clock.now() + this.#clockOffset).toISOString(),
      semanticnonce: randomId(crypto),
    });
    const frame = { type: 'event', event: signed };
    const size = utf8(JSON.stringify(frame)).length;
    if (size > maxMessageSize) {
      const message = `${size} bytes exceed maxMessageSize`;
      throw new SemanticEventsClientError('MESSAGE_TOO_LARGE', { message });
    }
    return frame;
  }

  /** Pings the server, and ends the connection if no answer arrives. */
  check(): void {
    if (this.isOpen) this.#heartbeat.check();
  }

  /**
   * Ends the connection at once, without waiting for a server that may be gone. Frames that arrived before are
   * still handled.
   */
  end(reason: SemanticEventsClientError): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelConnectDeadline();
    this.#heartbeat.stop();
    this.#cancelRenewal?.();
    this.#socket?.close(NORMAL_CLOSURE);
    void this.#inbound.then(() => {
      this.#owner.ended(this, reason);
    });
  }

  /** Ends the connection and drops the frames that are not handled yet. */
  abandon(reason: SemanticEventsClientError): void {
    this.#isAbandoned = true;
    this.end(reason);
  }

  get #isConnected(): boolean {
    return this.#socket?.readyState === OPEN;
  }

  async #open(ping: () => void): Promise<void> {
    const token = await this.#getToken(error => {
      this.end(error);
    });
    if (token === undefined) return;
    try {
      const socket = openSocket(this.#options);
      this.#socket = socket;
      socket.onopen = () => {
        // Ping first: the answer brings the server's time before the first event is signed.
        ping();
        this.send({ type: 'auth', token });
      };
      socket.onmessage = ({ data }) => {
        this.#take(String(data));
      };
      // A close event follows every error event. In Node the error says why, such as `Unexpected server response: 403`.
      let message: string | undefined;
      socket.onerror = event => {
        message = (event as { message?: string } | undefined)?.message;
      };
      // The close reason is a code of PROTOCOL.md, if the server had the time to send one.
      socket.onclose = ({ reason }) => {
        void this.#inbound.then(() => {
          const isKnown = reason && this.#refusal.code === reason;
          this.end(
            isKnown
              ? refusalOf(this.#refusal)
              : new SemanticEventsClientError(reason || 'CONNECTION_LOST', {
                  message,
                  cause: message,
                }),
          );
        });
      };
    } catch (cause) {
      // A WebSocket class throws only for an address that it never opens, such as `ws:` on a page from `https:`.
      const code = this.#options.transport ? 'CONNECTION_LOST' : 'INVALID_CONFIG';
      this.end(new SemanticEventsClientError(code, { message: String(cause), cause }));
    }
  }

  /** Requests the server's time. Events wait for the answer. */
  #synchroniseClock(): void {
    this.#isSynchronised = false;
    this.check();
  }

  /** @returns the token; undefined if `failed` was called or the connection has ended */
  async #getToken(failed: (error: SemanticEventsClientError) => void): Promise<string | undefined> {
    let error = new SemanticEventsClientError('NO_TOKEN');
    try {
      // The callback may close the client. Wait, so that the client already knows this connection.
      await this.#inbound;
      const token: unknown = await this.#options.getToken();
      if (this.#isEnded) return undefined;
      // JSON cannot represent every value that JavaScript may return here. The server rejects the token then.
      // eslint-disable-next-line @typescript-eslint/no-base-to-string -- that is its text
      if (token) return String(token);
    } catch (cause) {
      error = new SemanticEventsClientError('TOKEN_FAILED', { cause });
    }
    if (this.#isEnded) return undefined;
    if (error.retryable) failed(error);
    else this.end(error);
    return undefined;
  }

  /**
   * Sends a new token. If `getToken` fails, it retries until the session expires. Between two renewals it waits, so
   * that no server can cause a flood of calls.
   */
  async #renew(): Promise<void> {
    this.#isRenewing = true;
    const token = await this.#getToken(error => {
      this.#inbox.failed(error);
    });
    if (this.#isEnded) return;
    if (token !== undefined) this.send({ type: 'auth', token });
    this.#pauseRenewals(token === undefined);
  }

  /** @param isDue whether to renew after the pause in any case */
  #pauseRenewals(isDue: boolean): void {
    const { backoff, clock } = this.#options;
    this.#isRenewing = true;
    this.#cancelRenewal?.();
    this.#cancelRenewal = clock.after(backoff, () => {
      this.#isRenewing = false;
      if (isDue) void this.#renew();
    });
  }

  #take(text: string): void {
    if (this.#isEnded) return;
    this.#backlog += text.length;
    if (this.#backlog > MAX_BACKLOG) {
      this.end(new SemanticEventsClientError('SLOW_CONSUMER'));
      return;
    }
    if (this.#session) this.#heartbeat.restart();
    this.#inbound = this.#inbound.then(async () => {
      try {
        if (!this.#isAbandoned) await this.#read(JSON.parse(text) as ServerFrame);
      } catch (cause) {
        if (!this.#isAbandoned)
          this.#inbox.failed(new SemanticEventsClientError('BAD_FRAME', { cause }));
      }
      this.#backlog -= text.length;
    });
  }

  async #read(frame: ServerFrame): Promise<void> {
    const { code, cursor, event, time, type } = frame;
    if (type === 'auth_success') await this.#welcome(frame as unknown as AuthSuccessFrame);
    else if (type === 'auth_expiring') {
      if (!this.#isRenewing) void this.#renew();
    } else if (type === 'pong') {
      this.#clockOffset = Date.parse(String(time)) - this.#options.clock.now() || 0;
      this.#isSynchronised = true;
      this.#inbox.synchronised();
    } else if (type === 'event') {
      await this.#receive(event as SemanticEvent, cursor as string | undefined);
    } else {
      if (type === 'error') this.#refusal = frame;
      if (code === 'EVENT_EXPIRED') this.#synchroniseClock();
      // Before authentication a refusal ends the connection, and the end reports it.
      if (this.#session) this.#inbox.control(frame);
    }
  }

  async #welcome({ client_id, user_id, expires_at, signing }: AuthSuccessFrame): Promise<void> {
    this.#keys = await SessionKeys.from(this.#options.crypto, signing);
    if (this.#isEnded) return;
    if (!this.#session) {
      this.#cancelConnectDeadline();
      this.#heartbeat.start();
    }
    const session = { clientId: client_id, userId: user_id, expiresAt: new Date(expires_at) };
    // Some token caches return the same token until it has almost expired.
    if (+session.expiresAt === +(this.#session?.expiresAt ?? 0)) this.#pauseRenewals(true);
    this.#session = session;
    this.#owner.authenticated(this, session);
  }

  async #receive(event: SemanticEvent, cursor: string | undefined): Promise<void> {
    // An event that cannot be parsed counts as unsigned.
    const isVerified = await this.#keys?.verify(event, cursor !== undefined).catch(() => false);
    if (this.#isAbandoned) return;
    if (isVerified) this.#inbox.received(withBytes(event), cursor);
    else this.#inbox.failed(new SemanticEventsClientError('UNVERIFIED'));
  }
}

/** Decodes `data_base64` into `data`. The JSON form of the event does not change. */
function withBytes(event: SemanticEvent): SemanticEvent {
  const { data_base64 } = event;
  if (data_base64 === undefined) return event;
  let bytes: Uint8Array | undefined;
  return Object.defineProperty(event, 'data', { get: () => (bytes ??= fromBase64(data_base64)) });
}
