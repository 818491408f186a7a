export { FailureLog } from './failure-log.js';
export { LogLimit } from './log-limit.js';
export { logUnexpected } from './log-unexpected.js';
export { safeText } from './safe-text.js';
export type {
  AttemptFailedEvent,
  AttemptsExhaustedEvent,
  AuthenticatedEvent,
  ClosedEvent,
  HandshakeRefusedEvent,
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
