import { type Abortable, onAbort } from './abort.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ClientEvents, ClientState, StateChange } from './client-events.js';
import type { ResolvedClientOptions } from './client-options.js';
import { type ClientSession, Connection, type ConnectionOwner } from './connection.js';
import { type Deferred, deferred } from './deferred.js';
import type { Emitter } from './emitter.js';
import type { Exchange } from './exchange.js';
import { Inbox } from './inbox.js';
import type { Subscriptions } from './subscriptions.js';

/** Codes for a token that the server rejected. Before the session begins, the only large message is the token. */
const TOKEN_REFUSED = ['AUTH_FAILED', 'UNAUTHENTICATED', 'SESSION_EXPIRED', 'MESSAGE_TOO_LARGE'];

/**
 * Keeps a client connected: it opens one connection after the other, until the application stops it or a
 * rejection is final.
 */
export class LifeCycle implements ConnectionOwner {
  readonly #options: ResolvedClientOptions;
  readonly #exchange: Exchange;
  readonly #subscriptions: Subscriptions;
  readonly #events: Emitter<ClientEvents>;
  readonly #inbox: Inbox;
  /** Calls of `connect()` that have not settled. */
  readonly #callers = new Set<Deferred<ClientSession>>();
  #state: ClientState = 'idle';
  #closedBy: SemanticEventsClientError | undefined;
  #isClosedForGood = false;
  #connection: Connection | undefined;
  /** Attempts since the last stable connection. */
  #attempts = 0;
  #refusedTokens = 0;
  /** When the server allows the next attempt, in milliseconds since the Unix epoch. */
  #earliestAttempt = 0;
  #cancelTimer: (() => void) | undefined;
  #stopWaking: (() => void) | undefined;

  constructor(
    options: ResolvedClientOptions,
    exchange: Exchange,
    subscriptions: Subscriptions,
    events: Emitter<ClientEvents>,
  ) {
    this.#options = options;
    this.#exchange = exchange;
    this.#subscriptions = subscriptions;
    this.#events = events;
    this.#inbox = new Inbox(options.maxRemembered, exchange, subscriptions, events);
  }

  get state(): ClientState {
    return this.#state;
  }

  get session(): ClientSession | undefined {
    return this.#connection?.session;
  }

  /** The reason why the client is closed. */
  get closedBy(): SemanticEventsClientError | undefined {
    return this.#closedBy;
  }

  async connect(signal?: Abortable): Promise<ClientSession> {
    if (this.#isClosedForGood) throw new SemanticEventsClientError('CLOSED');
    if (this.session) return this.session;
    const caller = deferred<ClientSession>();
    this.#callers.add(caller);
    const stopListening = onAbort(signal, error => {
      caller.reject(error);
      this.#callers.delete(caller);
      // Other callers may still want the connection.
      if (this.#callers.size === 0 && !this.session) this.disconnect();
    });
    if (this.#callers.size > 0) this.#start();
    return caller.promise.finally(stopListening);
  }

  /** Ends the connection. `connect()` opens a new one. */
  disconnect(): void {
    if (this.#state !== 'closed') this.#stop('idle', new SemanticEventsClientError('CLOSED'));
  }

  /** Closes the client for good. */
  close(): void {
    this.#isClosedForGood = true;
    this.#stop('closed', new SemanticEventsClientError('CLOSED'));
  }

  authenticated(connection: Connection, session: ClientSession): void {
    // Ignore renewals: the state does not change.
    if (connection !== this.#connection || this.#state === 'connected') return;
    this.#refusedTokens = 0;
    // Reset the backoff only after the connection was stable for a while.
    this.#setTimer(this.#backoffWindow(), () => {
      this.#attempts = 0;
    });
    for (const { resolve } of this.#callers) resolve(session);
    this.#callers.clear();
    this.#exchange.attach(connection);
    this.#subscriptions.resume(connection);
    this.#enter({ state: 'connected' });
  }

  ended(connection: Connection, reason: SemanticEventsClientError): void {
    if (connection !== this.#connection) return;
    if (!this.session && TOKEN_REFUSED.includes(reason.code)) this.#refusedTokens++;
    // A new connection can succeed: the client does not send the large event again.
    const isFinal = !reason.retryable && reason.code !== 'MESSAGE_TOO_LARGE';
    if (isFinal || this.#refusedTokens >= this.#options.maxAuthFailures)
      this.#stop('closed', reason);
    else this.#reconnectLater(reason);
    this.#events.emit('error', reason);
  }

  #start(): void {
    if (this.#state === 'waiting') this.#open();
    if (this.#state !== 'idle' && this.#state !== 'closed') return;
    this.#closedBy = undefined;
    this.#attempts = 0;
    this.#refusedTokens = 0;
    try {
      this.#stopWaking = this.#options.wakeSource(() => {
        this.#wake();
      });
    } catch (cause) {
      this.#events.emit('error', new SemanticEventsClientError('HANDLER_FAILED', { cause }));
    }
    this.#open();
  }

  #wake(): void {
    if (this.#state !== 'waiting') this.#connection?.check();
    else if (this.#options.clock.now() >= this.#earliestAttempt) this.#open();
  }

  #open(): void {
    this.#cancelTimer?.();
    this.#connection = new Connection(this.#options, this.#inbox, this);
    this.#enter({ state: 'connecting' });
  }

  #reconnectLater(reason: SemanticEventsClientError): void {
    const { clock, random } = this.#options;
    const retryAfter = reason.retryAfter ?? 0;
    const retryIn = retryAfter + random() * this.#backoffWindow();
    this.#attempts++;
    this.#earliestAttempt = clock.now() + retryAfter;
    this.#connection = undefined;
    this.#setTimer(retryIn, () => {
      this.#open();
    });
    this.#exchange.detach(new SemanticEventsClientError('CONNECTION_LOST', { cause: reason }));
    this.#subscriptions.suspend();
    this.#enter({ state: 'waiting', error: reason, retryIn });
  }

  #stop(state: 'idle' | 'closed', reason: SemanticEventsClientError): void {
    this.#cancelTimer?.();
    this.#stopWaking?.();
    this.#stopWaking = undefined;
    this.#connection?.abandon(reason);
    this.#connection = undefined;
    for (const { reject } of this.#callers) reject(reason);
    this.#callers.clear();
    this.#exchange.clear(reason);
    this.#subscriptions.suspend();
    if (state === 'closed') {
      this.#closedBy = reason;
      this.#subscriptions.endAll(reason);
    }
    if (this.#state !== state) this.#enter({ state, error: this.#closedBy });
  }

  #setTimer(milliseconds: number, callback: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(milliseconds, callback);
  }

  #enter(change: StateChange): void {
    this.#state = change.state;
    this.#events.emit('state', change);
  }

  /**
   * Returns the maximum wait before the next attempt, in milliseconds. The client waits a random part of it
   * (full jitter), so that clients that lost their server together do not reconnect together.
   *
   * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
   */
  #backoffWindow(): number {
    const { backoff, maxBackoff } = this.#options;
    return Math.min(maxBackoff, backoff * 2 ** this.#attempts);
  }
}
