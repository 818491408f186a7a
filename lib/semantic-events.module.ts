import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ConnectionServices, TelemetryFeed } from './connection/guarded/index.js';
import { GatewayCatalog } from './gateway/index.js';
import { HandshakePolicy } from './handshake/index.js';
import { optionFailures, PlacementCheck, SecurityAudit, VALIDATION_CHECK } from './audit/index.js';
import {
  AuthAttempts,
  DefaultEventAuthorizer,
  EventAuthorizer,
  JWT_LIBRARY_PROVIDER,
  OIDC_LIBRARY_PROVIDER,
  SessionRegistry,
  TICKET_ROUTE,
  TicketService,
  TokenAuthenticator,
} from './auth/index.js';
import { Clock, SystemClock } from './clock.js';
import { ConnectionManager, ConnectionStore, RevocationBus } from './connection/index.js';
import { CompatibleMode } from './event/index.js';
import {
  CursorSeal,
  EntrySeal,
  EventFeed,
  EventLog,
  EventMesh,
  HandlerExplorer,
  RoomStore,
  SubscriptionHub,
} from './mesh/index.js';
import {
  NO_TELEMETRY,
  SecurityEvents,
  SecurityLog,
  Telemetry,
  UnexpectedErrors,
} from './monitoring/index.js';
import {
  isProduction,
  loadKeys,
  type ResolvedOptions,
  resolveOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SemanticEventsOptions,
  type TicketRouteOptions,
} from './options/index.js';
import { SemanticEventsConfigError } from './protocol/index.js';
import { PortPlacement } from './port-placement.js';
import { RateLimiter, RateLimitStore, SemanticEventsThrottlerStorage } from './rate-limit/index.js';
import { NonceStore, NonceTracker } from './replay/index.js';
import { assertPlatform } from './start-up/index.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type OPTIONS_TYPE,
  type SemanticEventsModuleOptions,
} from './semantic-events.module-definition.js';
import {
  BroadcastSigner,
  EventSigner,
  KeyRefresh,
  ReplySigner,
  SERIALIZABLE_REPLIES_PROVIDER,
} from './signing/index.js';
import { STORE_PROVIDERS, STORES, StoresLifecycle } from './stores.js';
import { WS_LIBRARY_PROVIDER } from './transports/ws/index.js';

/** DI token of the options that the application passed, before their validation. */
const GIVEN_OPTIONS = Symbol('GIVEN_OPTIONS');

const GIVEN: Provider = {
  provide: GIVEN_OPTIONS,
  useFactory: (given: unknown, route: unknown) => {
    if (typeof given === 'object' && given !== null) return given;
    // forRoot() and forRootAsync() always provide it.
    if (route === undefined)
      throw new SemanticEventsConfigError([
        'SemanticEventsModule is imported without forRoot(): import SemanticEventsModule.forRoot(options) once, in the root module. Other modules need no import, because it is global',
      ]);
    throw new SemanticEventsConfigError([
      `forRoot() or the factory of forRootAsync() has ${String(given)} instead of options: does the factory return an object?`,
    ]);
  },
  // If these are missing, Nest's own error would name internal tokens.
  inject: [
    { token: MODULE_OPTIONS_TOKEN, optional: true },
    { token: TICKET_ROUTE, optional: true },
  ],
};

const OPTIONS: Provider = {
  provide: SEMANTIC_EVENTS_OPTIONS,
  useFactory: async (
    { stores: _stores, telemetry: _telemetry, ...options }: SemanticEventsModuleOptions,
    clock: Clock,
    route: TicketRouteOptions | null,
  ) => {
    assertPlatform();
    const { keys } = (options as Partial<SemanticEventsOptions>).signing ?? {};
    const now = clock.now();
    const resolved = resolveOptions(
      await loadKeys(options),
      now,
      isProduction(),
      valid => optionFailures(valid, now),
      typeof keys === 'function' ? keys : undefined,
    );
    // This factory runs too late to mount a controller.
    if (resolved.auth.ticketRoute && !route)
      throw new SemanticEventsConfigError([
        'auth.ticketRoute cannot be set by useFactory: pass ticketRoute to forRootAsync, next to useFactory',
      ]);
    return resolved;
  },
  inject: [GIVEN_OPTIONS, Clock, { token: TICKET_ROUTE, optional: true }],
};

/** Without the compatible mode, its code is not loaded. */
const COMPATIBLE_MODE: Provider = {
  provide: CompatibleMode,
  useFactory: async ({ signing }: ResolvedOptions): Promise<CompatibleMode | null> => {
    if (!signing.accept.includes('integradio')) return null;
    const { Integradio } = await import('./integradio/index.js');
    return new Integradio();
  },
  inject: [SEMANTIC_EVENTS_OPTIONS],
};

const CONFIGURED_STORES: Provider = {
  provide: STORES,
  useFactory: ({ stores }: SemanticEventsModuleOptions) => stores ?? null,
  inject: [GIVEN_OPTIONS],
};

const TELEMETRY: Provider = {
  provide: Telemetry,
  useFactory: ({ telemetry = NO_TELEMETRY }: SemanticEventsModuleOptions) => {
    if (!((telemetry as unknown) instanceof Telemetry))
      throw new SemanticEventsConfigError([
        'telemetry must be a Telemetry, such as openTelemetry()',
      ]);
    return telemetry;
  },
  inject: [GIVEN_OPTIONS],
};

const PUBLIC_PROVIDERS = [
  SecurityEvents,
  EventSigner,
  KeyRefresh,
  NonceTracker,
  RateLimiter,
  SemanticEventsThrottlerStorage,
  AuthAttempts,
  SessionRegistry,
  TicketService,
  TokenAuthenticator,
  ConnectionManager,
  EventMesh,
];

/** Registers signer, replay protection, rate limits and connections for the whole application. */
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: Clock, useClass: SystemClock },
    GIVEN,
    OPTIONS,
    COMPATIBLE_MODE,
    CONFIGURED_STORES,
    ...STORE_PROVIDERS,
    StoresLifecycle,
    TELEMETRY,
    { provide: EventAuthorizer, useClass: DefaultEventAuthorizer },
    JWT_LIBRARY_PROVIDER,
    OIDC_LIBRARY_PROVIDER,
    WS_LIBRARY_PROVIDER,
    SERIALIZABLE_REPLIES_PROVIDER,
    ...PUBLIC_PROVIDERS,
    BroadcastSigner,
    ReplySigner,
    CursorSeal,
    EntrySeal,
    EventFeed,
    SubscriptionHub,
    HandlerExplorer,
    SecurityLog,
    UnexpectedErrors,
    VALIDATION_CHECK,
    PlacementCheck,
    SecurityAudit,
    PortPlacement,
    ConnectionServices,
    GatewayCatalog,
    HandshakePolicy,
    TelemetryFeed,
  ],
  exports: [
    Clock,
    SEMANTIC_EVENTS_OPTIONS,
    ConnectionStore,
    EventLog,
    NonceStore,
    RateLimitStore,
    RevocationBus,
    RoomStore,
    EventAuthorizer,
    SecurityAudit,
    Telemetry,
    // For the interceptor of stock adapters, which belongs to the application's modules.
    ReplySigner,
    // For the exception filter of gateways, likewise.
    UnexpectedErrors,
    ...PUBLIC_PROVIDERS,
  ],
})
export class SemanticEventsModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    // If the value is not an object, the validation of the options reports it together with all other problems.
    const auth = options.auth as SemanticEventsOptions['auth'] | undefined;
    return super.forRoot({ ticketRoute: auth?.ticketRoute, ...options });
  }
}
