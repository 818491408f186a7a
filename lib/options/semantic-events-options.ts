import type { EventLimits } from '../event/index.js';
import type { AttemptLimit, AuthOptions } from './auth-options.js';
import type { ConnectionOptions } from './connection-options.js';
import type { MeshOptions } from './mesh-options.js';
import type { AuditMode, MonitoringOptions, MonitoringOptionsInit } from './monitoring-options.js';
import type { SigningKeyOptions, SigningKeySource, SigningOptions } from './signing-options.js';
import type { RateLimitOptions, ReplayOptions } from './store-options.js';

/** The amount of detail in an error frame. */
export type ErrorDetail = 'brief' | 'verbose';

/** The options of `SemanticEventsModule.forRoot`. Times are in milliseconds, sizes in bytes. */
export interface SemanticEventsOptions {
  /** The signing keys, and how long a signed event is accepted. */
  signing: SigningOptions;
  /** How a client proves who it is. */
  auth: AuthOptions;
  /** The limits of connections. */
  connection?: Partial<ConnectionOptions>;
  /** The limits of the parts of an event. */
  event?: Partial<EventLimits>;
  /** Replay protection. */
  replay?: Partial<ReplayOptions>;
  /** Rate limits. */
  rateLimit?: Partial<RateLimitOptions>;
  /** The patterns that clients may subscribe to, and the size of the history. */
  mesh?: Partial<MeshOptions>;
  /** Security events and their log. */
  monitoring?: MonitoringOptionsInit;
  /**
   * The amount of detail in an error frame. `'brief'` sends the code and its fixed message. `'verbose'` also sends the
   * reason; it is for development, and the production checklist fails it. @default 'brief'
   */
  errors?: ErrorDetail;
  /** The action of the production checklist at start. If omitted, `enforce` in production. @default 'print' */
  audit?: AuditMode;
}

/** The validated options with all defaults: providers inject these. */
export interface ResolvedOptions {
  readonly signing: Readonly<
    Required<Omit<SigningOptions, 'keys'>> & {
      readonly keys: readonly SigningKeyOptions[];
      /** The function that `signing.keys` was. */
      readonly keySource?: SigningKeySource;
    }
  >;
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
  readonly errors: ErrorDetail;
  readonly audit: AuditMode;
}

/** DI token of the resolved options. */
export const SEMANTIC_EVENTS_OPTIONS = Symbol('SEMANTIC_EVENTS_OPTIONS');
