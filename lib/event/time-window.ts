import { parseRfc3339 } from './rfc3339.js';
import type { SemanticEvent } from './semantic-event.js';

export interface TimeWindow {
  /** How old an accepted event may be, in milliseconds. @default 300_000 */
  maxAge: number;
  /** How far in the future an accepted event may lie, in milliseconds. @default 60_000 */
  clockSkew: number;
}

export const DEFAULT_TIME_WINDOW: Readonly<TimeWindow> = { maxAge: 300_000, clockSkew: 60_000 };

/** Returns whether an instant is accepted: `now - maxAge <= time <= now + clockSkew`. */
export function isWithin(window: TimeWindow, time: number, now: number): boolean {
  return now - window.maxAge <= time && time <= now + window.clockSkew;
}

/**
 * Returns whether an event is outside the accepted window: too old, too far in the future, or without a valid `time`.
 *
 * @param options the window, and `now` in milliseconds since the Unix epoch
 */
export function isExpired(
  event: SemanticEvent,
  options: Partial<TimeWindow> & { now?: number } = {},
): boolean {
  const { now = Date.now(), maxAge, clockSkew } = options;
  const window = {
    maxAge: maxAge ?? DEFAULT_TIME_WINDOW.maxAge,
    clockSkew: clockSkew ?? DEFAULT_TIME_WINDOW.clockSkew,
  };
  const time = event.time === undefined ? undefined : parseRfc3339(event.time);
  return time === undefined || !isWithin(window, time, now);
}
