import { isCompatibleEvent, splitCompatibleEvent } from './compatible-event.js';
import { markReceived } from './receipt.js';
import type { SemanticEvent } from './semantic-event.js';
import { type EventLimits, validateEvent } from './validate-event.js';

/**
 * The event of a frame of our own: checked, and noted as received.
 *
 * @param value the event, parsed from JSON
 * @param frame the frame as it was received
 * @param isCompatible whether signatures of the compatible mode are accepted
 * @throws RefusalError `INVALID_EVENT`
 */
export function receiveEvent(
  value: unknown,
  frame: string,
  limits: Readonly<EventLimits>,
  isCompatible: boolean,
): SemanticEvent {
  if (isCompatible && isCompatibleEvent(value)) {
    const { event, unverified } = splitCompatibleEvent(value, limits);
    markReceived(event, 'event', { frame, unverified });
    return event;
  }
  validateEvent(value, limits);
  markReceived(value, 'event');
  return value;
}
