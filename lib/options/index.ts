export {
  type AuthOptions,
  type ClientUser,
  type Handshake,
  type JwtAlgorithm,
  type JwtAuthOptions,
  type JwtClaims,
  type JwtKey,
  MAX_TOKEN_LENGTH,
  type ValidateToken,
} from './auth-options.js';
export type { ConnectionOptions } from './connection-options.js';
export { DEFAULTS } from './defaults.js';
export { Problems } from './problems.js';
export { resolveOptions } from './resolve-options.js';
export {
  type RateLimitOptions,
  type ReplayOptions,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SemanticEventsOptions,
} from './semantic-events-options.js';
export {
  SESSION_KEY_PREFIX,
  type SigningKeyOptions,
  type SigningOptions,
} from './signing-options.js';
