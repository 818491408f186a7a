export { attempt, contained } from './contained.js';
export { describeError, errorName, errorText, isError } from './describe-error.js';
export { FailureLog, placeOf } from './failure-log.js';
export { LogLimit } from './log-limit.js';
export { logOnly, logUnexpected } from './log-unexpected.js';
export { safeText } from './safe-text.js';
export type {
  AttemptFailedEvent,
  AttemptsExhaustedEvent,
  AuthenticatedEvent,
  ClosedEvent,
  HandshakeRefusedEvent,
  KeyRefreshFailedEvent,
  KeysRotatedEvent,
  LostEvent,
  RefusedEvent,
  SecurityEvent,
  SessionEndedEvent,
  StoreEvent,
} from './security-event.js';
export { SafeStream } from './safe-stream.js';
export { SecurityEvents } from './security-events.js';
export { SecurityLog } from './security-log.js';
export {
  type MessageHandler,
  NO_TELEMETRY,
  Telemetry,
  type TelemetrySources,
  type TimedOperation,
} from './telemetry.js';
export { thrown } from './thrown.js';
export { CATCHES_METADATA, errorContext, UnexpectedErrors } from './unexpected-errors.js';
