export { logUnexpected } from './log-unexpected.js';
export type {
  AttemptFailedEvent,
  AttemptsExhaustedEvent,
  AuthenticatedEvent,
  ClosedEvent,
  HandshakeRefusedEvent,
  LostEvent,
  RefusedEvent,
  SecurityEvent,
  SecuritySubject,
  SessionEndedEvent,
  StoreEvent,
} from './security-event.js';
export { SafeStream } from './safe-stream.js';
export { SecurityEvents } from './security-events.js';
export { SecurityLog } from './security-log.js';
