export { messageOf, payloadOf, socketOf } from './call.js';
export { EventData, SemanticEventBody, Unverified } from './event.decorators.js';
export { EventDataPipe } from './event-data.pipe.js';
export { eventIdOf, eventOf, validEventOf } from './event-of.js';
export { GuardRank, guardsOf, hasGuard, isGuarded, UseRankedGuard } from './guard-order.js';
export { EVERY_HANDLER, type FoundMark, markHandler, marksOf } from './handler-marks.js';
export {
  EXCEPTION_FILTERS_METADATA,
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PORT_METADATA,
} from './nest-metadata.js';
export { perHandler } from './per-handler.js';
export { applicationRejection } from './application-rejection.js';
export { RefusalException } from './refusal.exception.js';
export { Rejection, type RejectionOptions } from './rejection.js';
export { refusing } from './refusing.js';
export { ClassValidation, isApplicationClass } from './class-validation.js';
export {
  type GatewayClass,
  needsClassValidation,
  signatureOf,
  takesEventsOnly,
  validationOf,
  type ValidationMeans,
} from './validation-of.js';
export type { StandardSchema } from './standard-schema.js';
export { isRejectingStatus, isVerdict } from './verdict.js';
