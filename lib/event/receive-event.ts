import { markReceived } from './receipt.js';
import type { SemanticEvent } from './semantic-event.js';
import { type EventLimits, validateEvent } from './validate-event.js';

/**
 * Validates the event of a frame and marks it as received.
 *
 * @param value the event, parsed from JSON
 * @throws RefusalError `INVALID_EVENT`
 */
export function receiveEvent(value: unknown, limits: Readonly<EventLimits>): SemanticEvent {
  validateEvent(value, limits);
  markReceived(value, 'event');
  return value;
}
