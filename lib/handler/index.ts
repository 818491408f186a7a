export { messageOf, payloadOf, socketOf } from './call.js';
export { EventData, SemanticEventBody, Unverified } from './event.decorators.js';
export { EventDataPipe } from './event-data.pipe.js';
export { eventIdOf, eventOf, validEventOf } from './event-of.js';
export { GuardRank, hasGuard, UseRankedGuard } from './guard-order.js';
export {
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PORT_METADATA,
} from './nest-metadata.js';
export { perHandler } from './per-handler.js';
export { RefusalException } from './refusal.exception.js';
export { refusing } from './refusing.js';
export { type GatewayClass, takesUnvalidatedData } from './validation-of.js';
export type { StandardSchema } from './standard-schema.js';
