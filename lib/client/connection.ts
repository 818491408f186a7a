import type { SemanticEvent } from '../event/semantic-event.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ResolvedClientOptions } from './client-options.js';
import { importKeys, type SessionKeys, type SigningFrame, utf8 } from './session-keys.js';
import type { WebSocketLike } from './web-socket.js';

const SUBPROTOCOL = 'semantic-events.v1';
const OPEN = 1;
const NORMAL_CLOSURE = 1000;

/** Characters received that may wait to be verified: a server that sends faster is left, and resumed from. */
const MAX_BACKLOG = 2 ** 24;

/** Bytes the socket may have waiting before nothing more is given to it. */
const MAX_BUFFERED = 2 ** 20;

/** Who a connection is authenticated as. */
export interface ClientSession {
  readonly clientId: string;
  readonly userId: string;
  readonly expiresAt: Date;
}

/** A frame of the server, not looked at yet. */
export type ServerFrame = Record<string, unknown>;

/** Whom a connection tells; in the order in which things came. */
export interface ConnectionOutlet {
  /** Authenticated, for the first time or again. */
  authenticated(session: ClientSession): void;
  /** A verified event; a cursor comes with deliveries to a subscription. */
  received(event: SemanticEvent, cursor: string | undefined): void;
  /** Any other frame. */
  told(frame: ServerFrame): void;
  failed(error: SemanticEventsClientError): void;
  ended(reason: SemanticEventsClientError): void;
}

interface AuthSuccessFrame {
  client_id: string;
  user_id: string;
  expires_at: string;
  signing: SigningFrame;
}

/** When trying again makes sense after an error frame, in milliseconds. */
export function retryAfterOf({ retry_after }: ServerFrame): number | undefined {
  return Number(retry_after) * 1000 || undefined;
}

export type Connection = ReturnType<typeof openConnection>;

/** One connection: token, socket, authentication, renewals, liveness, and what comes and goes until it ends. */
export function openConnection(options: ResolvedClientOptions, outlet: ConnectionOutlet) {
  const { clock } = options;
  let socket: WebSocketLike | undefined;
  let keys: SessionKeys | undefined;
  let session: ClientSession | undefined;
  let isEnded = false;
  /** Frames are verified one after the other, so that they are told in the order they came. */
  let inbound = Promise.resolve();
  let backlog = 0;
  /** The server's clock minus ours, in milliseconds: events of a client whose clock is wrong are taken, too. */
  let clockOffset = 0;
  /** The last refusal, which may say more than the close frame behind it. */
  let refusal: ServerFrame | undefined;
  let cancelRenewal: (() => void) | undefined;

  const isConnected = () => socket?.readyState === OPEN;

  const send = (frame: string | object) => {
    // Some implementations throw where the socket has just closed.
    if (isConnected()) socket?.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  };

  /** Ends it at once, without waiting for a peer that may not be there any more. */
  const end = (reason: SemanticEventsClientError) => {
    if (isEnded) return;
    isEnded = true;
    cancelDeadline();
    cancelRenewal?.();
    socket?.close(NORMAL_CLOSURE);
    // What came before the end is told before it.
    void inbound.then(() => {
      outlet.ended(reason);
    });
  };

  const endAfter = (milliseconds: number) =>
    clock.after(milliseconds, () => {
      end(new SemanticEventsClientError('TIMEOUT'));
    });
  let cancelDeadline = endAfter(options.connectTimeout);
  /** Whether it counts as lost when the deadline comes and nothing was heard. */
  let isAsked = true;

  /**
   * Every frame is a sign of life. The server is asked for one now and then, whatever it says by itself: it takes for
   * idle who only listens.
   */
  const listen = () => {
    if (!isAsked || isEnded) return;
    isAsked = false;
    cancelDeadline();
    if (options.pingInterval)
      cancelDeadline = clock.after(options.pingInterval, () => {
        isAsked = true;
        send({ type: 'ping' });
        cancelDeadline = endAfter(options.pongTimeout);
      });
  };

  const withToken = async (
    use: (token: string) => void,
    failed: (error: SemanticEventsClientError) => void,
  ) => {
    let token: string | null = null;
    let error = new SemanticEventsClientError('NO_TOKEN');
    try {
      // It may close the client, which has its connection from then on.
      await inbound;
      token = await options.getToken();
    } catch (cause) {
      error = new SemanticEventsClientError('TOKEN_FAILED', { cause });
    }
    if (isEnded) return;
    if (token) use(token);
    else if (error.retryable) failed(error);
    else end(error);
  };

  const open = (token: string) => {
    try {
      socket = new options.WebSocket(options.url, SUBPROTOCOL);
      socket.onopen = () => {
        // Answered first, it tells the server's time.
        send({ type: 'ping' });
        send({ type: 'auth', token });
      };
      socket.onmessage = ({ data }) => {
        take(String(data));
      };
      // A close event follows that says the same.
      socket.onerror = () => undefined;
      // The reason is the code of the table, where the server had the time to give one.
      socket.onclose = ({ reason }) => {
        void inbound.then(() => {
          const code = reason || 'CONNECTION_LOST';
          const retryAfter = refusal?.code === code ? retryAfterOf(refusal) : undefined;
          end(new SemanticEventsClientError(code, { retryAfter }));
        });
      };
    } catch (cause) {
      end(new SemanticEventsClientError('CONNECTION_LOST', { cause }));
    }
  };

  /** Shows a new token; where none is to be had, tries again until the session is over. */
  const renew = () =>
    withToken(
      token => {
        send({ type: 'auth', token });
      },
      error => {
        outlet.failed(error);
        cancelRenewal = clock.after(options.backoff, () => void renew());
      },
    );

  const take = (text: string) => {
    if (isEnded) return;
    backlog += text.length;
    if (backlog > MAX_BACKLOG) {
      end(new SemanticEventsClientError('SLOW_CONSUMER'));
      return;
    }
    if (session) listen();
    inbound = inbound.then(async () => {
      try {
        await read(JSON.parse(text) as ServerFrame);
      } catch (cause) {
        outlet.failed(new SemanticEventsClientError('BAD_FRAME', { cause }));
      }
      backlog -= text.length;
    });
  };

  const read = async (frame: ServerFrame) => {
    const { type, time } = frame;
    if (type === 'error') refusal = frame;
    if (type === 'auth_success') await welcome(frame as unknown as AuthSuccessFrame);
    else if (type === 'auth_expiring') void renew();
    else if (type === 'pong') clockOffset = Date.parse(String(time)) - clock.now() || 0;
    else if (type === 'event')
      await receive(frame.event as SemanticEvent, frame.cursor as string | undefined);
    // Before there is a session, a refusal ends the connection, which is told then.
    else if (session) outlet.told(frame);
  };

  const welcome = async ({ client_id, user_id, expires_at, signing }: AuthSuccessFrame) => {
    keys = await importKeys(signing);
    if (isEnded) return;
    session = { clientId: client_id, userId: user_id, expiresAt: new Date(expires_at) };
    listen();
    outlet.authenticated(session);
  };

  const receive = async (event: SemanticEvent, cursor: string | undefined) => {
    // What cannot even be read is not signed, either.
    const isVerified = await keys?.verify(event, cursor !== undefined).catch(() => false);
    if (isVerified) outlet.received(event, cursor);
    else outlet.failed(new SemanticEventsClientError('UNVERIFIED'));
  };

  void withToken(open, end);

  return {
    session: (): ClientSession | undefined => session,
    isOpen: (): boolean => !isEnded && !!session && isConnected(),
    isClogged: (): boolean => (socket?.bufferedAmount ?? 0) > MAX_BUFFERED,
    canVerifyBroadcasts: (): boolean => !!keys?.canVerifyBroadcasts,
    send,
    end,
    /**
     * The frame of an event, signed for this connection.
     *
     * @throws SemanticEventsClientError `MESSAGE_TOO_LARGE`
     */
    async seal(event: SemanticEvent): Promise<string> {
      const sealed = await keys?.seal({
        ...event,
        source: event.source || `user:${encodeURIComponent(session?.userId ?? '')}`,
        // Of now: what has waited in a queue would be too old to be taken.
        time: new Date(clock.now() + clockOffset).toISOString(),
        semanticnonce: crypto.randomUUID(),
      });
      const frame = `{"type":"event","event":${sealed}}`;
      if (utf8(frame).length > options.maxMessageSize)
        throw new SemanticEventsClientError('MESSAGE_TOO_LARGE');
      return frame;
    },
  };
}
