import type { SemanticEvent } from '../event/semantic-event.js';
import { errorOf, SemanticEventsClientError } from './client-error.js';
import type { ResolvedClientOptions } from './client-options.js';
import type { Connection } from './connection.js';

export interface OutgoingEvent {
  readonly event: SemanticEvent;
  /** Called when the event was passed to the socket. */
  readonly sent: () => void;
  readonly failed: (error: SemanticEventsClientError) => void;
}

/** The key that pauses all event types. */
const ALL_TYPES = '';
/** The maximum number of event types that are paused one by one. Beyond it all events are paused. */
const MAX_PAUSED_TYPES = 100;
/** The pause for a full send buffer, in milliseconds: sockets do not report when it drains. */
const CONGESTED_DELAY = 50;

/**
 * Queues events to be signed and sent in order: while there is no connection, and while the server asks to
 * wait.
 */
export class Outbox {
  readonly #options: ResolvedClientOptions;
  readonly #waiting = new Map<unknown, OutgoingEvent>();
  /** Paused event types, each with the function that cancels its timer. */
  readonly #paused = new Map<string, () => void>();
  #connection: Connection | undefined;
  #isFlushing = false;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
  }

  add(outgoing: OutgoingEvent): void {
    if (this.#waiting.size < this.#options.maxQueued) {
      this.#waiting.set(outgoing.event.id, outgoing);
      this.flush();
    } else {
      outgoing.failed(new SemanticEventsClientError('QUEUE_FULL'));
    }
  }

  has(id: unknown): boolean {
    return this.#waiting.has(id);
  }

  remove(id: unknown): void {
    this.#waiting.delete(id);
  }

  /** Sends over this connection from now on. Without a connection events wait. */
  attach(connection: Connection | undefined): void {
    this.#connection = connection;
    this.flush();
  }

  /** Pauses an event type, or all events, for a time in milliseconds. */
  pause(milliseconds: number, type = ALL_TYPES): void {
    const key = this.#paused.size < MAX_PAUSED_TYPES ? type : ALL_TYPES;
    this.#paused.get(key)?.();
    const cancel = this.#options.clock.after(milliseconds, () => {
      this.#paused.delete(key);
      this.flush();
    });
    this.#paused.set(key, cancel);
  }

  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    void this.#sendAll();
  }

  /** Drops all events and the connection. */
  clear(error: SemanticEventsClientError): void {
    this.#connection = undefined;
    for (const cancel of this.#paused.values()) cancel();
    this.#paused.clear();
    const dropped = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { failed } of dropped) failed(error);
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      const connection = this.#connection;
      const next = this.#next();
      if (!next || !connection?.isReady) break;
      if (connection.isCongested) {
        this.pause(CONGESTED_DELAY);
        break;
      }
      await this.#send(next, connection);
    }
    this.#isFlushing = false;
  }

  #next(): OutgoingEvent | undefined {
    for (const outgoing of this.#waiting.values())
      if (!this.#isPaused(outgoing.event)) return outgoing;
    return undefined;
  }

  #isPaused({ type }: SemanticEvent): boolean {
    return this.#paused.has(ALL_TYPES) || this.#paused.has(type);
  }

  async #send(outgoing: OutgoingEvent, connection: Connection): Promise<void> {
    const { event } = outgoing;
    try {
      const frame = await connection.sign(event);
      // During the signing the event may have been removed, the connection may have ended, or a pause may have
      // begun.
      if (!connection.isOpen || this.#isPaused(event) || !this.#waiting.has(event.id)) return;
      // Socket.IO throws for some event types.
      connection.send(frame);
      this.#waiting.delete(event.id);
      outgoing.sent();
    } catch (cause) {
      if (this.#waiting.delete(event.id)) outgoing.failed(errorOf(cause));
    }
  }
}
