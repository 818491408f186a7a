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
 * The event a handler is called with.
 *
 * @throws RefusalException `INVALID_EVENT`; that, or `INVALID_SIGNATURE` of one that is signed, also where the event is of
 *   another type than the message it came in, by which the handler was found: whoever decides by the type would decide
 *   about something else
 */
export function eventOf(context: ExecutionContext, limits?: Readonly<EventLimits>): SemanticEvent {
  const event = validEventOf(context, limits);
  if (event.type !== messageOf(context))
    throw new RefusalException(
      event.semanticsignature === undefined ? 'INVALID_EVENT' : 'INVALID_SIGNATURE',
      { id: event.id },
    );
  return event;
}

/**
 * The event in a message, whatever the name of the message. What SemanticEventsAdapter hands on is validated already; on
 * a stock adapter the message body is validated here, once.
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
    throw error instanceof RefusalError ? RefusalException.of(error, eventIdOf(data)) : error;
  }
  markReceived(data, 'nest');
  return data;
}

/** The `id` a refusal may name: what the peer sent, only if it is a valid event id. */
export function eventIdOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('id' in data)) return undefined;
  return isEventId(data.id) ? data.id : undefined;
}
