export {
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsExceptionFilter,
} from './adapter/index.js';
export {
  type AuditItem,
  type AuditReport,
  type AuditStatus,
  SecurityAudit,
} from './audit/index.js';
export {
  type AttemptSubject,
  AuthAttempts,
  AuthenticatedGuard,
  type AuthenticatedSession,
  type Authorization,
  Authorize,
  DefaultEventAuthorizer,
  EventAuthorizationGuard,
  EventAuthorizer,
  type IssuedTicket,
  Public,
  Roles,
  SessionRegistry,
  type TicketBinding,
  TicketService,
  TicketUserError,
  TokenAuthenticator,
} from './auth/index.js';
export { Clock } from './clock.js';
export {
  Client,
  ClientAddressResolver,
  type ClientCounters,
  clientOf,
  ConnectionManager,
  ConnectionStore,
  CurrentClient,
  type SlotClaim,
  validateMessageSize,
} from './connection/index.js';
export {
  createEvent,
  type EventLimits,
  isExpired,
  matchesPattern,
  type SemanticEvent,
  type SemanticEventInit,
  type SignedSemanticEvent,
  type TimeWindow,
  validateEvent,
} from './event/index.js';
export {
  EventData,
  EventDataPipe,
  RefusalException,
  SemanticEventBody,
  type StandardSchema,
} from './handler/index.js';
export {
  type AttemptFailedEvent,
  type AttemptsExhaustedEvent,
  type AuthenticatedEvent,
  type ClosedEvent,
  type HandshakeRefusedEvent,
  type LostEvent,
  type RefusedEvent,
  type SecurityEvent,
  SecurityEvents,
  type SessionEndedEvent,
  type StoreEvent,
} from './monitoring/index.js';
export {
  type AddressForm,
  type AttemptLimit,
  type AuditMode,
  type AuthOptions,
  type ClientUser,
  type ConnectionOptions,
  type GatewayConnectionOptions,
  type Handshake,
  type JwtAlgorithm,
  type JwtAuthOptions,
  type JwtClaims,
  type JwtKey,
  type MonitoringOptions,
  type RateLimitOptions,
  type ReplayOptions,
  type SecurityLogLevel,
  type SecurityLogLevels,
  type SemanticEventsOptions,
  type SigningKeyOptions,
  type SigningOptions,
  type StoreErrorPolicy,
  type TrustProxy,
  type TicketRequest,
  type TicketRouteOptions,
  type ValidateToken,
} from './options/index.js';
export {
  type Code,
  CODES,
  HANDSHAKE_CODES,
  type HandshakeCode,
  RefusalError,
  SemanticEventsConfigError,
  SemanticEventsError,
  validateOrigin,
} from './protocol/index.js';
export {
  RateLimit,
  type RateLimitBy,
  type RateLimitDecision,
  type RateLimitDecoratorOptions,
  RateLimiter,
  RateLimitGuard,
  RateLimitStore,
  SemanticEventsThrottlerStorage,
  SkipRateLimit,
  type TokenBucket,
  type TokenBucketOptions,
} from './rate-limit/index.js';
export { NonceStore, NonceTracker } from './replay/index.js';
export { SemanticEventsModule } from './semantic-events.module.js';
export type { SemanticEventsModuleOptions } from './semantic-events.module-definition.js';
export type { Stores } from './stores.js';
export {
  type AcceptedKeys,
  canonicalize,
  EventSigner,
  SignedEvent,
  SignedEventGuard,
  type SignedEventOptions,
  type SigningKey,
  type SignOptions,
  SignReplyInterceptor,
  type VerifyOptions,
} from './signing/index.js';
