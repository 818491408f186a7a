import type { EventLimits } from '../event/index.js';
import type { AttemptLimit, AuthOptions } from './auth-options.js';
import type { ConnectionOptions } from './connection-options.js';
import type { SigningOptions } from './signing-options.js';

/** What `SemanticEventsModule.forRoot` takes. Times are milliseconds, sizes bytes. */
export interface SemanticEventsOptions {
  /** Keys, and how long a signed event is accepted. */
  signing: SigningOptions;
  /** How a client proves who it is. */
  auth: AuthOptions;
  /** What one connection may do. */
  connection?: Partial<ConnectionOptions>;
  /** How large an event may be, part by part. */
  event?: Partial<EventLimits>;
  /** The memory of replay protection. */
  replay?: Partial<ReplayOptions>;
  /** The memory of rate limits. */
  rateLimit?: Partial<RateLimitOptions>;
}

export interface ReplayOptions {
  /** Nonces remembered at once by the in-memory store; when full it refuses, never forgets. @default 1_000_000 */
  maxNonces: number;
}

export interface RateLimitOptions {
  /** Buckets that are not full, kept at once by the in-memory store; new keys are refused beyond. @default 1_000_000 */
  maxKeys: number;
}

/** The options with every default filled in, validated: what providers inject. */
export interface ResolvedOptions {
  readonly signing: Readonly<Required<SigningOptions>>;
  readonly auth: Readonly<
    AuthOptions &
      Required<Pick<AuthOptions, 'timeout' | 'maxSessionAge' | 'ticketLifetime'>> & {
        readonly attempts: Readonly<AttemptLimit>;
      }
  >;
  readonly connection: Readonly<ConnectionOptions>;
  readonly event: Readonly<EventLimits>;
  readonly replay: Readonly<ReplayOptions>;
  readonly rateLimit: Readonly<RateLimitOptions>;
}

/** DI token of the resolved options. */
export const SEMANTIC_EVENTS_OPTIONS = Symbol('SEMANTIC_EVENTS_OPTIONS');
