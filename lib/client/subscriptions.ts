import { isPattern, matchesPattern } from '../event/patterns.js';
import type { SemanticEvent } from '../event/semantic-event.js';
import { type Abortable, onAbort } from './abort.js';
import { randomId } from './client-crypto.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ClientEvents } from './client-events.js';
import type { ResolvedClientOptions } from './client-options.js';
import type { Connection } from './connection.js';
import { deferred } from './deferred.js';
import type { Emitter } from './emitter.js';
import type { Exchange } from './exchange.js';

/** Ends a subscription. */
export interface Unsubscribe {
  (): void;
  /**
   * Resolves when the server has confirmed the subscription. Rejects if the server rejects it or the
   * subscription has ended.
   */
  readonly ready: Promise<void>;
}

interface Subscription {
  patterns: readonly string[];
  scope: 'own' | undefined;
  handle(event: SemanticEvent): void;
  /** Called when the server has confirmed the subscription. */
  confirmed(): void;
  /** Called if the subscription ends and the caller did not end it. */
  ended: Fail;
  /** The position after the last received event. */
  cursor?: string;
  /** Whether the server has confirmed it on the current connection. */
  isLive?: boolean;
}

export interface SubscriptionCall {
  readonly patterns: string | readonly string[];
  readonly scope: 'own' | undefined;
  readonly signal: Abortable | undefined;
  /** An error created by the method that the application called. */
  readonly caller: Error;
  /** The reason why the client is closed, if it is. */
  readonly closedBy: SemanticEventsClientError | undefined;
}

type Fail = (error: SemanticEventsClientError) => void;

/** The subscriptions of a client. On each connection it subscribes again from the last position. */
export class Subscriptions {
  readonly #options: ResolvedClientOptions;
  readonly #exchange: Exchange;
  readonly #events: Emitter<ClientEvents>;
  readonly #entries = new Set<Subscription>();
  /** Functions that cancel the timers of rejected subscriptions, which are retried later. */
  readonly #retries = new Set<() => void>();
  #connection: Connection | undefined;

  constructor(options: ResolvedClientOptions, exchange: Exchange, events: Emitter<ClientEvents>) {
    this.#options = options;
    this.#exchange = exchange;
    this.#events = events;
  }

  /**
   * Adds a subscription.
   *
   * @param ended is called if the subscription ends and the caller did not end it
   * @throws SemanticEventsClientError `INVALID_EVENT` for an invalid pattern
   */
  add(
    { patterns: given, scope, signal, caller, closedBy }: SubscriptionCall,
    handle: Subscription['handle'],
    ended?: Fail,
  ): Unsubscribe {
    const patterns = [given].flat();
    if (
      !patterns.length ||
      !patterns.every(pattern => typeof pattern === 'string' && isPattern(pattern))
    ) {
      const message = 'Invalid pattern';
      throw new SemanticEventsClientError('INVALID_EVENT', { message, patterns }, caller);
    }
    const { promise: ready, resolve, reject } = deferred<undefined>();
    let stopListening: () => void = () => undefined;
    const settle = (error: SemanticEventsClientError) => {
      stopListening();
      reject(error.for(caller, { patterns: error.patterns ?? patterns }));
    };
    const entry: Subscription = {
      patterns,
      scope,
      handle,
      confirmed: () => {
        resolve(undefined);
      },
      ended: error => {
        settle(error);
        ended?.(error);
      },
    };
    this.#entries.add(entry);
    const end = (error: SemanticEventsClientError) => {
      this.#remove(entry);
      entry.ended(error);
    };
    if (closedBy) end(closedBy);
    else stopListening = onAbort(signal, end);
    this.#subscribe([entry]);
    const unsubscribe = () => {
      this.#remove(entry);
      settle(new SemanticEventsClientError('CLOSED'));
    };
    return Object.assign(unsubscribe, { ready });
  }

  /** Subscribes to everything again. It sends one frame for each position and scope; usually there is only one. */
  resume(connection: Connection): void {
    this.#connection = connection;
    const groups = new Map<unknown, Subscription[]>();
    for (const entry of this.#entries) {
      const key = `${entry.scope} ${entry.cursor}`;
      groups.set(key, [...(groups.get(key) ?? []), entry]);
    }
    for (const group of groups.values()) this.#subscribe(group);
  }

  /** Waits for the next connection. */
  suspend(): void {
    this.#connection = undefined;
    for (const entry of this.#entries) entry.isLive = false;
    for (const cancel of this.#retries) cancel();
    this.#retries.clear();
  }

  /** Calls the handlers of an event. */
  deliver(event: SemanticEvent): void {
    for (const entry of [...this.#entries])
      // The handler of one subscription may have ended another one.
      if (
        this.#entries.has(entry) &&
        (!entry.scope || event.semanticaudience) &&
        entry.patterns.some(pattern => matchesPattern(event.type, pattern))
      )
        entry.handle(event);
  }

  /** Stores the position of every live subscription. */
  advance(cursor: string): void {
    for (const entry of this.#entries) if (entry.isLive) entry.cursor = cursor;
  }

  /** Moves the position behind a gap. */
  skip(patterns: readonly string[], cursor: string): void {
    for (const entry of this.#entries)
      if (entry.patterns.some(pattern => patterns.includes(pattern))) entry.cursor = cursor;
  }

  /** Removes patterns that the server does not send. A subscription without patterns ends. */
  withdraw(
    patterns: readonly string[],
    refusal = new SemanticEventsClientError('FORBIDDEN'),
    from: readonly Subscription[] = [...this.#entries],
  ): void {
    const error = refusal.for(undefined, { patterns });
    this.#events.emit('error', error);
    for (const entry of from) {
      entry.patterns = entry.patterns.filter(pattern => !patterns.includes(pattern));
      if (entry.patterns.length === 0 && this.#entries.delete(entry)) entry.ended(error);
    }
  }

  /** Ends every subscription. */
  endAll(error: SemanticEventsClientError): void {
    const ended = [...this.#entries];
    this.#entries.clear();
    for (const entry of ended) entry.ended(error);
  }

  #subscribe(requested: readonly Subscription[], connection = this.#connection): void {
    const group = requested.filter(entry => this.#entries.has(entry));
    const [first] = group;
    if (!first || !connection || connection !== this.#connection) return;
    const frame = {
      type: 'subscribe',
      patterns: [...new Set(group.flatMap(({ patterns }) => patterns))],
      since: first.cursor,
      scope: first.scope,
      signatures: connection.canVerifyBroadcasts ? 'v1e' : undefined,
    };
    this.#exchange.request(
      frame,
      ({ cursor }) => {
        for (const entry of group) {
          entry.isLive = true;
          entry.cursor = cursor as string;
          entry.confirmed();
        }
      },
      error => {
        // When the connection was lost, the next one subscribes again.
        if (connection.isOpen) this.#refused(group, first, error, connection);
      },
    );
  }

  #refused(
    group: readonly Subscription[],
    first: Subscription,
    error: SemanticEventsClientError,
    connection: Connection,
  ): void {
    const { clock, maxBackoff, random } = this.#options;
    if (error.retryable) {
      this.#events.emit('error', error);
      const cancel = clock.after(error.retryAfter ?? random() * maxBackoff, () => {
        this.#retries.delete(cancel);
        this.#subscribe(group, connection);
      });
      this.#retries.add(cancel);
    } else if (group.length > 1) {
      // The server rejects a frame as a whole. Retry one by one, so that only the forbidden ones end.
      for (const entry of group) this.#subscribe([entry]);
    } else {
      this.withdraw(first.patterns, error, group);
    }
  }

  #remove(entry: Subscription): void {
    if (!this.#entries.delete(entry)) return;
    const wanted = [...this.#entries].flatMap(({ patterns }) => patterns);
    const patterns = entry.patterns.filter(pattern => !wanted.includes(pattern));
    // The id marks the answer as one. Without it, it would look like a withdrawn right.
    if (patterns.length > 0 && this.#connection)
      this.#connection.send({ type: 'unsubscribe', patterns, id: randomId(this.#options.crypto) });
  }
}
