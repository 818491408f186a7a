import type { SemanticEvent } from '../event/semantic-event.js';
import { boundedMap } from './bounded-map.js';
import type { ClientEvents } from './client-events.js';
import type { ServerFrame } from './connection.js';
import type { Emit } from './emitter.js';
import type { Exchange } from './exchange.js';
import type { Subscriptions } from './subscriptions.js';

/** Brings what the server sends to whoever waits for it: each event once. */
export function inbox(
  maxRemembered: number,
  { answer, refuse }: Exchange,
  { advance, deliver, skip, withdraw }: Subscriptions,
  emit: Emit<ClientEvents>,
) {
  const seen = boundedMap<true>(maxRemembered);

  return {
    /** @param event a verified event; with a cursor where it was sent to a subscription */
    received(event: SemanticEvent, cursor: string | undefined): void {
      const { source, id, semanticcorrelationid: question } = event;
      const isReply = cursor === undefined;
      if (isReply && answer(question, event, true)) return;
      const key = [isReply, source, id, question].join('\n');
      const isNew = !seen.get(key);
      seen.set(key, true);
      if (isNew) {
        if (isReply) emit('event', event);
        else deliver(event);
      }
      if (!isReply) advance(cursor);
    },
    told(frame: ServerFrame): void {
      const { type, id } = frame;
      const patterns = [frame.patterns ?? []].flat() as string[];
      if (type === 'error') {
        const { error, isAwaited } = refuse(frame);
        if (!isAwaited) emit('error', error);
      }
      if (type === 'subscribed') answer(id, frame, false);
      // Where it is no answer, a right was withdrawn.
      if (type === 'unsubscribed' && !id) withdraw(patterns);
      if (type === 'gap') {
        skip(patterns, frame.cursor as string);
        emit('gap', { patterns });
      }
    },
  };
}
