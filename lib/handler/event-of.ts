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
import { payloadOf } from './call.js';
import { RefusalException } from './refusal.exception.js';

/**
 * The event a handler is called with. What SemanticEventsAdapter hands on is validated already; on a stock
 * adapter the message body is validated here, once.
 *
 * @throws RefusalException `INVALID_EVENT`
 */
export function eventOf(
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
