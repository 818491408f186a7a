import { Module, type Provider } from '@nestjs/common';
import { ConnectionServices, GatewayCatalog, HandshakePolicy } from './adapter/index.js';
import { TokenAuthenticator } from './auth/index.js';
import { Clock, SystemClock } from './clock.js';
import { ConnectionManager, ConnectionStore, InMemoryConnectionStore } from './connection/index.js';
import {
  type ResolvedOptions,
  resolveOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SemanticEventsOptions,
} from './options/index.js';
import { InMemoryRateLimitStore, RateLimiter, RateLimitStore } from './rate-limit/index.js';
import { InMemoryNonceStore, NonceStore, NonceTracker } from './replay/index.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
} from './semantic-events.module-definition.js';
import { EventSigner } from './signing/index.js';

const OPTIONS: Provider = {
  provide: SEMANTIC_EVENTS_OPTIONS,
  useFactory: (options: SemanticEventsOptions, clock: Clock) =>
    resolveOptions(options, clock.now(), process.env.NODE_ENV === 'production'),
  inject: [MODULE_OPTIONS_TOKEN, Clock],
};

const STORES: Provider[] = [
  { provide: ConnectionStore, useClass: InMemoryConnectionStore },
  {
    provide: NonceStore,
    useFactory: ({ replay }: ResolvedOptions, clock: Clock) =>
      new InMemoryNonceStore(replay.maxNonces, clock),
    inject: [SEMANTIC_EVENTS_OPTIONS, Clock],
  },
  {
    provide: RateLimitStore,
    useFactory: ({ rateLimit }: ResolvedOptions, clock: Clock) =>
      new InMemoryRateLimitStore(rateLimit.maxKeys, clock),
    inject: [SEMANTIC_EVENTS_OPTIONS, Clock],
  },
];

const PUBLIC_PROVIDERS = [
  EventSigner,
  NonceTracker,
  RateLimiter,
  TokenAuthenticator,
  ConnectionManager,
];

/** Registers signer, replay protection, rate limits and connections for the whole application. */
@Module({
  providers: [
    { provide: Clock, useClass: SystemClock },
    OPTIONS,
    ...STORES,
    ...PUBLIC_PROVIDERS,
    ConnectionServices,
    GatewayCatalog,
    HandshakePolicy,
  ],
  exports: [
    Clock,
    SEMANTIC_EVENTS_OPTIONS,
    ConnectionStore,
    NonceStore,
    RateLimitStore,
    ...PUBLIC_PROVIDERS,
  ],
})
export class SemanticEventsModule extends ConfigurableModuleClass {}
