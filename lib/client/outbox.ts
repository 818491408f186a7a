import type { SemanticEvent } from '../event/semantic-event.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ClientClock } from './clock.js';
import type { Connection } from './connection.js';

export interface Outgoing {
  readonly event: SemanticEvent;
  /** Told when it has been given to the socket. */
  readonly sent: () => void;
  readonly failed: (error: SemanticEventsClientError) => void;
}

/** What is held by no type is everything. */
const EVERYTHING = '';
/** Event types that are held one by one; beyond, everything is. */
const MAX_HELD_TYPES = 100;
/** How long to wait for a socket that takes no more, in milliseconds: it does not tell when it does again. */
const CLOGGED_DELAY = 50;

/** Events that wait to be signed and sent, in their order: while away, and while the server asks to wait. */
export function outbox(clock: ClientClock, max: number) {
  const items = new Map<string, Outgoing>();
  /** Event types the server wants no more of for now, with what ends that. */
  const held = new Map<string, () => void>();
  let connection: Connection | undefined;
  let isFlushing = false;

  const isHeld = ({ type }: SemanticEvent) => held.has(EVERYTHING) || held.has(type);

  const hold = (milliseconds: number, type = EVERYTHING) => {
    const key = held.size < MAX_HELD_TYPES ? type : EVERYTHING;
    held.get(key)?.();
    const release = clock.after(milliseconds, () => {
      held.delete(key);
      void flush();
    });
    held.set(key, release);
  };

  const next = () => {
    for (const item of items.values()) if (!isHeld(item.event)) return item;
    return undefined;
  };

  const flush = async () => {
    if (isFlushing) return;
    isFlushing = true;
    for (;;) {
      const to = connection;
      if (!to?.isOpen()) break;
      const item = next();
      if (!item) break;
      // Looked at last: what the server holds must not be let go sooner.
      if (to.isClogged()) {
        hold(CLOGGED_DELAY);
        break;
      }
      await send(item, to);
    }
    isFlushing = false;
  };

  const send = async (item: Outgoing, to: Connection) => {
    const { event } = item;
    try {
      const frame = await to.seal(event);
      // Meanwhile it may have been given up, or the connection, or the server may have asked to wait.
      if (!to.isOpen() || isHeld(event) || !items.delete(event.id)) return;
      to.send(frame);
      item.sent();
    } catch (cause) {
      const isOurs = cause instanceof SemanticEventsClientError;
      const error = isOurs ? cause : new SemanticEventsClientError('INVALID_EVENT', { cause });
      if (items.delete(event.id)) item.failed(error);
    }
  };

  return {
    add(item: Outgoing): void {
      if (items.size < max) {
        items.set(item.event.id, item);
        void flush();
      } else {
        item.failed(new SemanticEventsClientError('QUEUE_FULL'));
      }
    },
    has: (id: string): boolean => items.has(id),
    remove(id: string): void {
      items.delete(id);
    },
    /** Sends over a connection, or keeps what comes where there is none. */
    attach(to?: Connection): void {
      connection = to;
      void flush();
    },
    /** Sends nothing of a type, or nothing at all, for that many milliseconds. */
    hold,
    /** Gives up everything. */
    close(error: SemanticEventsClientError): void {
      for (const release of held.values()) release();
      for (const { failed } of items.values()) failed(error);
      items.clear();
    },
  };
}
