export { CompatibleMode } from './compatible-mode.js';
export { assertAttributes, completeEvent, createEvent } from './create-event.js';
export { dataOf, encodeBytes } from './data-of.js';
export {
  compilePatterns,
  coversPattern,
  isPattern,
  matchesPattern,
  MAX_PATTERN_LENGTH,
  MAX_PATTERN_SEGMENTS,
} from './patterns.js';
export {
  compatibleFrameOf,
  type FrameForm,
  markReceived,
  oncePerEvent,
  receivedAs,
  type UnverifiedAttributes,
  unverifiedOf,
} from './receipt.js';
export { jsonOf, withJson } from './parsed-json.js';
export { receiveEvent } from './receive-event.js';
export { parseRfc3339, rfc3339Of } from './rfc3339.js';
export {
  isMeantAsEvent,
  type SemanticEvent,
  type SemanticEventInit,
  type SignedSemanticEvent,
} from './semantic-event.js';
export { DEFAULT_TIME_WINDOW, isExpired, isWithin, type TimeWindow } from './time-window.js';
export {
  DEFAULT_EVENT_LIMITS,
  type EventLimits,
  freshnessOf,
  isEventId,
  isPlainJson,
  validateEvent,
} from './validate-event.js';
export { isUriReference } from './uri.js';
