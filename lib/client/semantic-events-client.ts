import type { SemanticEvent } from '../event/semantic-event.js';
import type { Abortable } from './abort.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ClientEvents, ClientState } from './client-events.js';
import {
  problemsOf,
  resolveClientOptions,
  type ResolvedClientOptions,
  type SemanticEventsClientOptions,
} from './client-options.js';
import type { ClientSession } from './connection.js';
import { callGuarded, Emitter } from './emitter.js';
import type { DataArguments, EventType, Matching, ReplyTo } from './event-map.js';
import { type EventStream, eventStream } from './event-stream.js';
import { Exchange } from './exchange.js';
import { LifeCycle } from './life-cycle.js';
import { Subscriptions, type Unsubscribe } from './subscriptions.js';

declare global {
  // For applications whose TypeScript `lib` lacks these symbols. @types/node declares them in the same way.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}

/** Attributes of an event to send, in addition to its type and data. */
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

export interface SignalOptions {
  /** An `AbortSignal`. Aborting it ends the call with `ABORTED`. */
  signal?: Abortable;
}

export interface SubscribeOptions extends SignalOptions {
  /** `'own'` for events only that are addressed to this client: its user, session, connection or rooms. */
  scope?: 'own';
}

export interface RequestOptions extends EmitOptions, SignalOptions {
  /** The time from the call to the reply, in milliseconds. @default `requestTimeout` of the client */
  timeout?: number;
}

/**
 * A client of a gateway. It keeps the connection open, signs the events it sends, and drops events that the
 * server has not signed. After a lost connection it resumes its subscriptions at their last position.
 *
 * The constructor neither validates the options nor reads the environment, so a module that is rendered on a
 * server may call it.
 *
 * @typeParam Events an interface with the type of `data` by event type; replies as `<type>.reply`
 */
export class SemanticEventsClient<Events extends object = Record<string, unknown>> {
  readonly #given: SemanticEventsClientOptions;
  readonly #options: ResolvedClientOptions;
  readonly #events = new Emitter<ClientEvents>();
  readonly #exchange: Exchange;
  readonly #subscriptions: Subscriptions;
  readonly #lifeCycle: LifeCycle;

  constructor(options: SemanticEventsClientOptions) {
    this.#given = { ...options };
    this.#options = resolveClientOptions(this.#given);
    const events = this.#events;
    this.#exchange = new Exchange(this.#options);
    this.#subscriptions = new Subscriptions(this.#options, this.#exchange, events);
    this.#lifeCycle = new LifeCycle(this.#options, this.#exchange, this.#subscriptions, events);
  }

  get state(): ClientState {
    return this.#lifeCycle.state;
  }

  /** The session of the connection; undefined while the client is not connected. */
  get session(): ClientSession | undefined {
    return this.#lifeCycle.session;
  }

  /** Adds a listener. @returns a function that removes it */
  on<K extends keyof ClientEvents>(
    name: K,
    listener: (value: ClientEvents[K]) => unknown,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Connects, and reconnects until `disconnect()`, `close()` or a final rejection. If the client waits to
   * reconnect, it tries at once. You may call it again after `disconnect()` and after a rejection. The client
   * reports failures that it retries as `error` events.
   *
   * @returns resolves after the authentication. It rejects with `INVALID_CONFIG` and all `problems` of the
   * options and the environment; with the reason if the client is disconnected or closed; and with `ABORTED` if
   * the signal is aborted. An aborted signal also disconnects the client, unless another call waits.
   */
  connect({ signal }: SignalOptions = {}): Promise<ClientSession> {
    const caller = new Error();
    const connected = this.#connect(signal).catch((error: unknown) => {
      throw (error as SemanticEventsClientError).for(caller);
    });
    // An unhandled rejection must not end the process.
    connected.catch(() => undefined);
    return connected;
  }

  /**
   * Ends the connection and rejects all pending calls with `CLOSED`. Subscriptions stay: `connect()` resumes
   * them.
   */
  disconnect(): void {
    this.#lifeCycle.disconnect();
  }

  /**
   * Sends an event, or queues it until it can be sent. You need not await the result.
   *
   * @returns resolves with the `id` of the event when it was passed to the network. This is not a receipt: a
   * rejection by the server is an `error` event with this `eventId`. It rejects and emits an `error` event with
   * `QUEUE_FULL`, `INVALID_EVENT` or `MESSAGE_TOO_LARGE`. It rejects with `CLOSED` if the client is
   * disconnected or closed.
   */
  emit<T extends EventType<Events>>(
    type: T,
    ...[data, options]: DataArguments<Events[T], EmitOptions>
  ): Promise<string> {
    const caller = new Error();
    const { closedBy } = this.#lifeCycle;
    const sent = this.#exchange.send({
      type,
      data,
      attributes: options?.attributes,
      caller,
      closedBy,
    });
    sent.catch((error: unknown) => {
      const failure = error as SemanticEventsClientError;
      if (!closedBy && failure.code !== 'CLOSED') this.#events.emit('error', failure);
    });
    return sent as Promise<string>;
  }

  /**
   * Sends an event and waits for the verified reply.
   *
   * @returns resolves with the reply. It rejects with the code of the server; with `TIMEOUT`; with
   * `CONNECTION_LOST` if the event was sent but may not have arrived; with `ABORTED`, `QUEUE_FULL`,
   * `INVALID_EVENT` or `MESSAGE_TOO_LARGE`; or with the reason why the client was closed.
   */
  request<T extends EventType<Events>>(
    type: T,
    ...[data, options]: DataArguments<Events[T], RequestOptions>
  ): Promise<ReplyTo<Events, T>> {
    const { attributes, signal, timeout = this.#options.requestTimeout } = options ?? {};
    const caller = new Error();
    const { closedBy } = this.#lifeCycle;
    const call = { type, data, attributes, timeout, signal, caller, closedBy };
    return this.#exchange.send(call) as Promise<ReplyTo<Events, T>>;
  }

  /**
   * Calls a handler with every event whose type matches one of the patterns. Over all connections each event
   * arrives once and in order. Events that are addressed to this client have a `semanticaudience`. With `scope: 'own'` the
   * handler receives addressed events only, and needs no right. If the handler throws, the client emits an `error` event.
   *
   * @returns a function that ends the subscription, as aborting the signal does; its `ready` resolves when the
   * server has confirmed the subscription
   * @throws SemanticEventsClientError `INVALID_EVENT` for an invalid pattern
   */
  subscribe<P extends string>(
    patterns: P | readonly P[],
    handler: (event: Matching<Events, P>) => unknown,
    { scope, signal }: SubscribeOptions = {},
  ): Unsubscribe {
    const caller = new Error();
    const { closedBy } = this.#lifeCycle;
    return this.#subscriptions.add({ patterns, scope, signal, caller, closedBy }, event => {
      callGuarded(handler as (event: SemanticEvent) => unknown, event, cause => {
        const details = { cause, eventId: event.id, eventType: event.type };
        this.#events.emit('error', new SemanticEventsClientError('HANDLER_FAILED', details));
      });
    });
  }

  /**
   * Subscribes like `subscribe()`, and returns an async iteration. It ends with `close()`. It throws if the
   * server rejects the subscription, the signal is aborted, or more than `maxQueued` events wait in it.
   *
   * @throws SemanticEventsClientError `INVALID_EVENT` for an invalid pattern
   */
  events<P extends string>(
    patterns: P | readonly P[],
    { scope, signal }: SubscribeOptions = {},
  ): EventStream<Matching<Events, P>> {
    const caller = new Error();
    const { closedBy } = this.#lifeCycle;
    return eventStream(this.#options.maxQueued, (push, end) =>
      this.#subscriptions.add(
        { patterns, scope, signal, caller, closedBy },
        push as (event: SemanticEvent) => void,
        error => {
          end(error.code === 'CLOSED' ? undefined : error);
        },
      ),
    );
  }

  /** Closes the client for good: it rejects all pending calls with `CLOSED` and removes all listeners. */
  close(): void {
    this.#lifeCycle.close();
    this.#events.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #connect(signal?: Abortable): Promise<ClientSession> {
    const problems = problemsOf(this.#given);
    if (problems.length > 0) {
      const message = `SemanticEventsClient cannot connect:\n${problems.join('\n')}`;
      throw new SemanticEventsClientError('INVALID_CONFIG', { message, problems });
    }
    return this.#lifeCycle.connect(signal);
  }
}
