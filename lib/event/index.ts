export { createEvent } from './create-event.js';
export { coversPattern, isPattern, matchesPattern, MAX_PATTERN_LENGTH } from './patterns.js';
export { type FrameForm, markReceived, receivedAs } from './receipt.js';
export { parseRfc3339 } from './rfc3339.js';
export type { SemanticEvent, SemanticEventInit, SignedSemanticEvent } from './semantic-event.js';
export { DEFAULT_TIME_WINDOW, isExpired, isWithin, type TimeWindow } from './time-window.js';
export {
  DEFAULT_EVENT_LIMITS,
  type EventLimits,
  freshnessOf,
  isEventId,
  isPlainJson,
  validateEvent,
} from './validate-event.js';
