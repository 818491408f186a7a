export {
  type AttemptLimit,
  type AuthOptions,
  MAX_TOKEN_LENGTH,
  type ValidateToken,
} from './auth-options.js';
export {
  type ClientUser,
  givenSessionId,
  givenUserId,
  type Handshake,
  isId,
  isUserId,
  MAX_ID_LENGTH,
} from './client-user.js';
export {
  checkOrigins,
  compileProxies,
  type ConnectionOptions,
  type GatewayConnectionOptions,
  type PerMessageDeflateOptions,
  type TrustProxy,
} from './connection-options.js';
export { DEFAULTS } from './defaults.js';
export { isProduction } from './is-production.js';
export {
  isPem,
  MIN_RSA_BITS,
  rsaBitsOf,
  type JwtAlgorithm,
  type JwtAuthOptions,
  type JwtClaims,
  type JwtKey,
} from './jwt-options.js';
export type { AllowedPatterns, MeshOptions } from './mesh-options.js';
export type {
  AddressForm,
  AuditMode,
  MonitoringOptions,
  MonitoringOptionsInit,
  SecurityLogLevel,
  SecurityLogLevels,
  UnexpectedErrorContext,
} from './monitoring-options.js';
export {
  DEFAULT_OIDC_ALGORITHMS,
  isTrustworthyUrl,
  type OidcAlgorithm,
  type OidcAuthOptions,
} from './oidc-options.js';
export { MAX_DELAY, MIN_SECRET_BYTES, Problems } from './problems.js';
export { isPublishedSecret } from './published-secrets.js';
export { resolveOptions } from './resolve-options.js';
export {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SemanticEventsOptions,
} from './semantic-events-options.js';
export {
  checkKeys,
  SESSION_KEY_PREFIX,
  type SignatureScheme,
  loadKeys,
  type SigningKeyOptions,
  type SigningKeySource,
  type SigningOptions,
} from './signing-options.js';
export {
  checkTicketRoute,
  type TicketRequest,
  type TicketRouteOptions,
} from './ticket-route-options.js';
export type { RateLimitOptions, ReplayOptions, StoreErrorPolicy } from './store-options.js';
