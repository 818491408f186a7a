import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import {
  ConnectionServices,
  GatewayCatalog,
  HandshakePolicy,
  TelemetryFeed,
} from './adapter/index.js';
import { SecurityAudit } from './audit/index.js';
import {
  AuthAttempts,
  DefaultEventAuthorizer,
  EventAuthorizer,
  SessionRegistry,
  TICKET_ROUTE,
  TicketService,
  TokenAuthenticator,
} from './auth/index.js';
import { Clock, SystemClock } from './clock.js';
import { ConnectionManager, ConnectionStore, RevocationBus } from './connection/index.js';
import { EventFeed, EventLog, EventMesh, HandlerExplorer, SubscriptionHub } from './mesh/index.js';
import { NO_TELEMETRY, SecurityEvents, SecurityLog, Telemetry } from './monitoring/index.js';
import {
  resolveOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SemanticEventsOptions,
  type TicketRouteOptions,
} from './options/index.js';
import { SemanticEventsConfigError } from './protocol/index.js';
import { PortPlacement } from './port-placement.js';
import { RateLimiter, RateLimitStore, SemanticEventsThrottlerStorage } from './rate-limit/index.js';
import { NonceStore, NonceTracker } from './replay/index.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type OPTIONS_TYPE,
  type SemanticEventsModuleOptions,
} from './semantic-events.module-definition.js';
import { BroadcastSigner, EventSigner, ReplySigner } from './signing/index.js';
import { STORE_PROVIDERS, STORES, StoresLifecycle } from './stores.js';

const OPTIONS: Provider = {
  provide: SEMANTIC_EVENTS_OPTIONS,
  useFactory: (
    { stores: _stores, telemetry: _telemetry, ...options }: SemanticEventsModuleOptions,
    clock: Clock,
    route: TicketRouteOptions | null,
  ) => {
    const resolved = resolveOptions(options, clock.now(), process.env.NODE_ENV === 'production');
    // Options that come from a factory come too late to mount a controller.
    if (resolved.auth.ticketRoute && !route)
      throw new SemanticEventsConfigError([
        'auth.ticketRoute must stand next to useFactory, as ticketRoute of forRootAsync',
      ]);
    return resolved;
  },
  inject: [MODULE_OPTIONS_TOKEN, Clock, TICKET_ROUTE],
};

const CONFIGURED_STORES: Provider = {
  provide: STORES,
  useFactory: ({ stores }: SemanticEventsModuleOptions) => stores ?? null,
  inject: [MODULE_OPTIONS_TOKEN],
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
  inject: [MODULE_OPTIONS_TOKEN],
};

const PUBLIC_PROVIDERS = [
  SecurityEvents,
  EventSigner,
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
    OPTIONS,
    CONFIGURED_STORES,
    ...STORE_PROVIDERS,
    StoresLifecycle,
    TELEMETRY,
    { provide: EventAuthorizer, useClass: DefaultEventAuthorizer },
    ...PUBLIC_PROVIDERS,
    BroadcastSigner,
    ReplySigner,
    EventFeed,
    SubscriptionHub,
    HandlerExplorer,
    SecurityLog,
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
    EventAuthorizer,
    SecurityAudit,
    Telemetry,
    ...PUBLIC_PROVIDERS,
  ],
})
export class SemanticEventsModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    // What is not an object is named with every other problem, when the options are validated.
    const auth = options.auth as SemanticEventsOptions['auth'] | undefined;
    return super.forRoot({ ticketRoute: auth?.ticketRoute, ...options });
  }
}
