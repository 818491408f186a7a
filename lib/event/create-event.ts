import { callError } from '../protocol/errors.js';
import { rfc3339Of } from './rfc3339.js';
import type { SemanticEvent, SemanticEventInit } from './semantic-event.js';
import { type EventLimits, validateEvent } from './validate-event.js';

/** The rules of CloudEvents without the limits of an application. */
const UNLIMITED: EventLimits = {
  maxNameLength: Infinity,
  maxAttributeLength: Infinity,
  maxExtensions: Infinity,
  maxDepth: Infinity,
};

/**
 * Creates an event. A missing `id` or `time` gets a new id or the current time.
 *
 * @param now milliseconds since the Unix epoch
 * @throws InvalidArgumentError naming the attribute that is missing or malformed
 */
export function createEvent<T>(init: SemanticEventInit<T>, now = Date.now()): SemanticEvent<T> {
  const event = completeEvent(init, now);
  assertAttributes(event, 'createEvent');
  return event;
}

/** Fills in what is missing, and validates nothing. */
export function completeEvent<T>(init: SemanticEventInit<T>, now: number): SemanticEvent<T> {
  const id = init.id ?? crypto.randomUUID();
  const time = init.time ?? rfc3339Of(now);
  // V8 of Node 20 takes microseconds to add a member after a spread. Set the members first, and again if `init` has them.
  const event: SemanticEvent<T> = { specversion: '1.0', id, time, ...init };
  event.specversion = '1.0';
  event.id = id;
  event.time = time;
  return event;
}

/**
 * Validates the attributes of an event that the application made. Its data may be anything that has a JSON form.
 *
 * @param call of the application, for the error
 * @throws InvalidArgumentError
 */
export function assertAttributes(event: SemanticEvent, call: string): void {
  try {
    validateEvent({ ...event, data: event.data === undefined ? undefined : 0 }, UNLIMITED);
  } catch (error) {
    throw callError(call, error);
  }
}
