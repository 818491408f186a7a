import type { SemanticEvent } from '../event/semantic-event.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ClientEvents, ClientState } from './client-events.js';
import { resolveClientOptions, type SemanticEventsClientOptions } from './client-options.js';
import type { ClientSession } from './connection.js';
import { callGuarded, emitter } from './emitter.js';
import type { DataArguments, EventType, Matching, ReplyTo } from './event-map.js';
import { type EventStream, eventStream } from './event-stream.js';
import { type Exchange, exchange } from './exchange.js';
import { inbox } from './inbox.js';
import { lifecycle } from './lifecycle.js';
import { type Subscriptions, subscriptions, type Unsubscribe } from './subscriptions.js';

/** Attributes of an event sent beside its type and data. */
export interface EventAttributes {
  source?: string;
  subject?: string;
  datacontenttype?: string;
  dataschema?: string;
  semanticintent?: string;
  /** Comma-separated. */
  semantictags?: string;
  semanticcorrelationid?: string;
  /** Extension attributes. */
  [extension: string]: string | number | boolean | undefined;
}

export interface EmitOptions {
  attributes?: EventAttributes;
}

export interface RequestOptions extends EmitOptions {
  /** From the call to the reply, in milliseconds. @default `requestTimeout` of the client */
  timeout?: number;
}

/**
 * A client of a gateway: it stays connected, signs what it sends, believes nothing that is not signed, and goes on
 * from where it was after the connection was lost.
 *
 * @typeParam Events an interface with the type of `data` by event type; replies as `<type>.reply`
 */
export class SemanticEventsClient<Events extends object = Record<string, unknown>> {
  readonly #events = emitter<ClientEvents>();
  readonly #exchange: Exchange;
  readonly #subscriptions: Subscriptions;
  readonly #lifecycle: ReturnType<typeof lifecycle>;
  readonly #maxQueued: number;
  readonly #requestTimeout: number;

  /** @throws SemanticEventsConfigError naming everything that is wrong with the options */
  constructor(given: SemanticEventsClientOptions) {
    const options = resolveClientOptions(given);
    const { clear, emit } = this.#events;
    const failed = (error: SemanticEventsClientError) => {
      emit('error', error);
    };
    const sent = exchange(options);
    const subscribed = subscriptions(options, sent.ask, failed);
    this.#exchange = sent;
    this.#subscriptions = subscribed;
    this.#maxQueued = options.maxQueued;
    this.#requestTimeout = options.requestTimeout;
    this.#lifecycle = lifecycle(options, {
      ...inbox(options.maxRemembered, sent, subscribed, emit),
      changed: change => {
        const { state, error } = change;
        emit('state', change);
        if (state !== 'closed') return;
        if (error && error.code !== 'CLOSED') failed(error);
        // From here on nothing is told any more.
        clear();
      },
      failed,
      opened: connection => {
        sent.attach(connection);
        subscribed.resume(connection);
      },
      lost: error => {
        sent.detach(error);
        subscribed.suspend();
      },
      closed: error => {
        sent.close(error);
        subscribed.close(error);
      },
    });
  }

  get state(): ClientState {
    return this.#lifecycle.state();
  }

  /** Who the client is connected as; undefined while it is not. */
  get session(): ClientSession | undefined {
    return this.#lifecycle.session();
  }

  /** @returns removes the listener */
  on<K extends keyof ClientEvents>(
    name: K,
    listener: (value: ClientEvents[K]) => unknown,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Connects, and stays connected until `close()` or a refusal that is final. While waiting for the next attempt:
   * tries at once.
   *
   * @returns resolves once authenticated; rejects when the client is closed. Failures that are tried again are told
   *   as `error` events
   */
  connect(): Promise<ClientSession> {
    return this.#lifecycle.connect();
  }

  /**
   * Sends an event, or keeps it until it can be sent.
   *
   * @returns resolves with the `id` of the event once it was given to the network, which does not say that it
   *   arrived: a refusal comes as an `error` event with this `eventId`. Rejects, and tells an `error` event, with
   *   `QUEUE_FULL`, `INVALID_EVENT` or `MESSAGE_TOO_LARGE`, or when the client is closed. May be left alone
   */
  emit<T extends EventType<Events>>(
    type: T,
    ...[data, options]: DataArguments<Events[T], EmitOptions>
  ): Promise<string> {
    const sent = this.#exchange.send(type, data, options?.attributes);
    sent.catch((error: unknown) => {
      if (this.state !== 'closed') this.#events.emit('error', error as SemanticEventsClientError);
    });
    return sent as Promise<string>;
  }

  /**
   * Sends an event, and waits for the verified reply.
   *
   * @returns resolves with the reply; rejects with the code it was refused with, or `TIMEOUT`, `CONNECTION_LOST` when
   *   it was sent already and nobody knows whether it arrived, `QUEUE_FULL`, `INVALID_EVENT`, `MESSAGE_TOO_LARGE`,
   *   or why the client was closed
   */
  request<T extends EventType<Events>>(
    type: T,
    ...[data, options]: DataArguments<Events[T], RequestOptions>
  ): Promise<ReplyTo<Events, T>> {
    const timeout = options?.timeout ?? this.#requestTimeout;
    const reply = this.#exchange.send(type, data, options?.attributes, timeout);
    return reply as Promise<ReplyTo<Events, T>>;
  }

  /**
   * Calls a handler with every event whose type matches one of the patterns, once each and in order, over all
   * connections. What the handler throws is told as an `error` event.
   *
   * @returns ends the subscription; its `ready` resolves once the server has confirmed it
   * @throws SemanticEventsClientError `INVALID_EVENT` for what is not a pattern
   */
  subscribe<P extends string>(
    patterns: P | readonly P[],
    handler: (event: Matching<Events, P>) => unknown,
  ): Unsubscribe {
    return this.#subscriptions.add(patterns, event => {
      callGuarded(handler as (event: SemanticEvent) => unknown, event, cause => {
        const details = { cause, eventId: event.id, eventType: event.type };
        this.#events.emit('error', new SemanticEventsClientError('HANDLER_FAILED', details));
      });
    });
  }

  /**
   * The same as an async iteration. It ends with `close()`, and throws when the subscription is refused or more than
   * `maxQueued` events wait in it.
   *
   * @throws SemanticEventsClientError `INVALID_EVENT` for what is not a pattern
   */
  events<P extends string>(patterns: P | readonly P[]): EventStream<Matching<Events, P>> {
    return eventStream(this.#maxQueued, (push, end) =>
      this.#subscriptions.add(patterns, push as (event: SemanticEvent) => void, error => {
        end(error.code === 'CLOSED' ? undefined : error);
      }),
    );
  }

  /** Ends everything for good: whatever waits is rejected with `CLOSED`. */
  close(): void {
    this.#lifecycle.close();
  }
}
