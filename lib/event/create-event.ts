import { rfc3339Of } from './rfc3339.js';
import type { SemanticEvent, SemanticEventInit } from './semantic-event.js';

/**
 * Makes an event with a fresh `id` and the current `time`, unless they are given.
 *
 * @param now milliseconds since the Unix epoch
 */
export function createEvent<T>(init: SemanticEventInit<T>, now = Date.now()): SemanticEvent<T> {
  return {
    ...init,
    specversion: '1.0',
    id: init.id ?? crypto.randomUUID(),
    time: init.time ?? rfc3339Of(now),
  };
}
