import type { SemanticEvent } from '../event/semantic-event.js';
import { type Abortable, onAbort } from './abort.js';
import { BoundedMap } from './bounded-map.js';
import { randomId } from './client-crypto.js';
import { errorOf, SemanticEventsClientError } from './client-error.js';
import { isCount, type ResolvedClientOptions } from './client-options.js';
import type { Connection } from './connection.js';
import { deferred } from './deferred.js';
import { dataMembers, jsonCopy } from './json-copy.js';
import { Outbox } from './outbox.js';
import { refusalOf, type ServerFrame } from './server-frame.js';

type Fail = (error: SemanticEventsClientError) => void;

/** A call of `emit` or `request`. */
export interface EventCall {
  readonly type: string;
  readonly data: unknown;
  readonly attributes: object | undefined;
  /** The time until a request is rejected with `TIMEOUT`, in milliseconds. */
  readonly timeout?: number;
  readonly signal?: Abortable;
  /** An error created by the method that the application called. */
  readonly caller: Error;
  /** The reason why the client is closed, if it is. */
  readonly closedBy: SemanticEventsClientError | undefined;
}

/** A request that waits for its reply. */
interface PendingRequest {
  /** Whether a verified event answers the request, or a frame. */
  readonly isEvent: boolean;
  resolve(answer: unknown): void;
  reject: Fail;
  cancelTimeout?(): void;
}

/** Sends events and frames, and matches the answers to them. */
export class Exchange {
  readonly #options: ResolvedClientOptions;
  readonly #outbox: Outbox;
  /** Requests without an answer, by id. Each one is answered, rejected or times out. */
  readonly #pending = new Map<unknown, PendingRequest>();
  /** The types of sent events by id: an error frame has the id only. */
  readonly #types: BoundedMap<string>;
  #connection: Connection | undefined;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options);
    this.#types = new BoundedMap(options.maxRemembered);
  }

  /**
   * Sends an event. @returns resolves with the reply to a request, otherwise with the id when the event was
   * sent
   */
  send(call: EventCall): Promise<unknown> {
    const { caller, signal, timeout, type } = call;
    const { promise, resolve, reject } = deferred<unknown>();
    const isRequest = timeout !== undefined;
    let id: string | undefined;
    let stopListening: () => void = () => undefined;
    const failed: Fail = error => {
      stopListening();
      this.#outbox.remove(id);
      reject(error.for(caller, { eventId: id, eventType: type }));
    };
    try {
      const event = this.#event(call);
      id = event.id;
      if (isRequest) {
        if (this.#pending.size >= this.#options.maxQueued)
          throw new SemanticEventsClientError('QUEUE_FULL');
        this.#addPending(id, timeout, {
          isEvent: true,
          resolve: answer => {
            stopListening();
            resolve(answer);
          },
          reject: failed,
        });
        stopListening = onAbort(signal, error => this.#reject(id, error));
        if (!this.#pending.has(id)) return promise;
      }
      this.#outbox.add({
        event,
        sent: () => {
          this.#types.set(id, type);
          if (!isRequest) resolve(id);
        },
        failed: error => {
          if (!this.#reject(id, error)) failed(error);
        },
      });
    } catch (cause) {
      failed(errorOf(cause));
    }
    return promise;
  }

  /** Sends a frame that the server answers with a frame. Waiting requests of the application do not delay it. */
  request(frame: object, resolve: (answer: ServerFrame) => void, reject: Fail): void {
    const id = randomId(this.#options.crypto);
    const pending = { isEvent: false, resolve: resolve as (answer: unknown) => void, reject };
    this.#addPending(id, this.#options.requestTimeout, pending);
    this.#connection?.send({ ...frame, id });
  }

  /** Resolves the request that an answer belongs to. @returns whether there was one */
  answer(id: unknown, answer: unknown, isEvent: boolean): boolean {
    const isExpected = this.#pending.get(id)?.isEvent === isEvent;
    if (isExpected) this.#removePending(id)?.resolve(answer);
    return isExpected;
  }

  /** Rejects the request that an error frame belongs to. @returns the error if there was none */
  refuse(frame: ServerFrame): SemanticEventsClientError | undefined {
    const eventType = this.#types.get(frame.id);
    const error = refusalOf(frame, eventType);
    const { retryAfter } = error;
    if (retryAfter && (!frame.id || eventType)) this.#outbox.pause(retryAfter, eventType);
    return this.#reject(frame.id, error) ? undefined : error;
  }

  attach(connection: Connection): void {
    this.#connection = connection;
    this.#outbox.attach(connection);
  }

  /** Sends the events that waited for the connection. */
  flush(): void {
    this.#outbox.flush();
  }

  /**
   * Rejects requests that were sent: they may or may not have arrived. Events that were not sent wait for the
   * next connection.
   */
  detach(error: SemanticEventsClientError): void {
    this.#connection = undefined;
    this.#outbox.attach(undefined);
    for (const id of [...this.#pending.keys()]) if (!this.#outbox.has(id)) this.#reject(id, error);
  }

  /** Rejects all requests and drops all events. */
  clear(error: SemanticEventsClientError): void {
    this.#connection = undefined;
    this.#outbox.clear(error);
    for (const id of [...this.#pending.keys()]) this.#reject(id, error);
  }

  /** Creates the event from a copy of the caller's data. @throws an error if it cannot be sent */
  #event({ attributes = {}, closedBy, data, timeout = 1, type }: EventCall): SemanticEvent {
    if (closedBy) throw closedBy;
    // Over Socket.IO the type is the name of a packet. The server closes the connection if that is not a string.
    if (typeof (type as unknown) !== 'string') throw new TypeError('type must be a string');
    if (!isCount(timeout)) throw new TypeError('timeout must be a whole number above 0');
    return {
      source: this.#options.source ?? '',
      ...jsonCopy(attributes, 'attributes'),
      specversion: '1.0',
      id: randomId(this.#options.crypto),
      type,
      ...dataMembers(data),
    };
  }

  /** @param timeout in milliseconds */
  #addPending(id: string, timeout: number, pending: PendingRequest): void {
    pending.cancelTimeout = this.#options.clock.after(timeout, () => {
      const message = 'No reply in time. A handler that returns nothing sends none';
      this.#reject(id, new SemanticEventsClientError('TIMEOUT', { message }));
    });
    this.#pending.set(id, pending);
  }

  #removePending(id: unknown): PendingRequest | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimeout?.();
    return pending;
  }

  /** @returns whether there was a request with this id */
  #reject(id: unknown, error: SemanticEventsClientError): boolean {
    const pending = this.#removePending(id);
    pending?.reject(error);
    return pending !== undefined;
  }
}
