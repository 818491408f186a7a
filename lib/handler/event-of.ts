import type { ExecutionContext } from '@nestjs/common';
import {
  DEFAULT_EVENT_LIMITS,
  type EventLimits,
  isEventId,
  markReceived,
  receivedAs,
  type SemanticEvent,
  validateEvent,
} from '../event/index.js';
import { RefusalError } from '../protocol/index.js';
import { messageOf, payloadOf } from './call.js';
import { RefusalException } from './refusal.exception.js';

/**
 * Returns the event that a handler is called with. The type of the event must match the message, because Nest finds the
 * handler by the message. Otherwise a check of the type would decide about another handler.
 *
 * @throws RefusalException `INVALID_EVENT`; for a signed event with another type `INVALID_SIGNATURE`
 */
export function eventOf(context: ExecutionContext, limits?: Readonly<EventLimits>): SemanticEvent {
  const event = validEventOf(context, limits);
  if (event.type !== messageOf(context))
    throw new RefusalException(
      event.semanticsignature === undefined ? 'INVALID_EVENT' : 'INVALID_SIGNATURE',
      { id: event.id, reason: 'the type of the event differs from the type in the frame' },
    );
  return event;
}

/**
 * Returns the event in a message, without comparing its type with the message. `SemanticEventsAdapter` has already
 * validated it. On a stock adapter the message body is validated here, once.
 *
 * @throws RefusalException `INVALID_EVENT`
 */
export function validEventOf(
  context: ExecutionContext,
  limits: Readonly<EventLimits> = DEFAULT_EVENT_LIMITS,
): SemanticEvent {
  const data = payloadOf(context);
  if (receivedAs(data) !== undefined) return data as SemanticEvent;
  try {
    validateEvent(data, limits);
  } catch (error) {
    throw RefusalError.is(error) ? RefusalException.of(error, eventIdOf(data)) : error;
  }
  markReceived(data, 'nest');
  return data;
}

/** Returns the `id` that a rejection may name: the id from the client, if it is a valid event id. */
export function eventIdOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('id' in data)) return undefined;
  return isEventId(data.id) ? data.id : undefined;
}
