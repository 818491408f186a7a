import type { EventLimits } from '../event/index.js';
import type { AttemptLimit, AuthOptions } from './auth-options.js';
import type { ConnectionOptions } from './connection-options.js';
import type { MeshOptions } from './mesh-options.js';
import type { AuditMode, MonitoringOptions, MonitoringOptionsInit } from './monitoring-options.js';
import type { SigningOptions } from './signing-options.js';
import type { RateLimitOptions, ReplayOptions } from './store-options.js';

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
  /** What clients may listen to, and how much of it is remembered. */
  mesh?: Partial<MeshOptions>;
  /** What is told to operators, and how. */
  monitoring?: MonitoringOptionsInit;
  /** What the production checklist does at start; `enforce` in production where left out. @default 'print' */
  audit?: AuditMode;
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
  readonly mesh: Readonly<MeshOptions>;
  readonly monitoring: Readonly<MonitoringOptions>;
  readonly audit: AuditMode;
}

/** DI token of the resolved options. */
export const SEMANTIC_EVENTS_OPTIONS = Symbol('SEMANTIC_EVENTS_OPTIONS');
