import type { SemanticEvent } from '../event/semantic-event.js';
import { BoundedMap } from './bounded-map.js';
import type { SemanticEventsClientError } from './client-error.js';
import type { ClientEvents } from './client-events.js';
import type { Emitter } from './emitter.js';
import type { Exchange } from './exchange.js';
import type { ServerFrame } from './server-frame.js';
import type { Subscriptions } from './subscriptions.js';

/** Passes on the frames of the server. It reports each event once. */
export class Inbox {
  readonly #seen: BoundedMap<true>;
  readonly #exchange: Exchange;
  readonly #subscriptions: Subscriptions;
  readonly #events: Emitter<ClientEvents>;

  constructor(
    maxRemembered: number,
    exchange: Exchange,
    subscriptions: Subscriptions,
    events: Emitter<ClientEvents>,
  ) {
    this.#seen = new BoundedMap(maxRemembered);
    this.#exchange = exchange;
    this.#subscriptions = subscriptions;
    this.#events = events;
  }

  /** Handles a verified event. @param cursor the position of an event of a subscription */
  received(event: SemanticEvent, cursor: string | undefined): void {
    const { source, id, semanticcorrelationid: requestId } = event;
    const isReply = cursor === undefined;
    if (isReply && this.#exchange.answer(requestId, event, true)) return;
    const key = [isReply, source, id, requestId].join('\n');
    const isNew = !this.#seen.get(key);
    this.#seen.set(key, true);
    if (isNew) {
      if (isReply) this.#events.emit('event', event);
      else this.#subscriptions.deliver(event);
    }
    if (!isReply) this.#subscriptions.advance(cursor);
  }

  /** Sends the events that waited for the server's time. */
  synchronised(): void {
    this.#exchange.flush();
  }

  failed(error: SemanticEventsClientError): void {
    this.#events.emit('error', error);
  }

  /** Handles any other frame. It ignores unknown ones: a newer server may send them. */
  control(frame: ServerFrame): void {
    const { type, id } = frame;
    const patterns = [frame.patterns ?? []].flat() as string[];
    if (type === 'error') {
      const error = this.#exchange.refuse(frame);
      if (error) this.#events.emit('error', error);
    }
    if (type === 'subscribed') this.#exchange.answer(id, frame, false);
    // Without an id the frame is not an answer: the server withdrew the right to these events.
    if (type === 'unsubscribed' && !id) this.#subscriptions.withdraw(patterns);
    if (type === 'gap') {
      this.#subscriptions.skip(patterns, frame.cursor as string);
      this.#events.emit('gap', { patterns });
    }
  }
}
