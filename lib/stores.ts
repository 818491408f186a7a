import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { Clock } from './clock.js';
import {
  ConnectionStore,
  InMemoryConnectionStore,
  RevocationBus,
  SingleNodeRevocationBus,
} from './connection/index.js';
import { EventLog, InMemoryEventLog } from './mesh/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from './options/index.js';
import { InMemoryRateLimitStore, RateLimitStore } from './rate-limit/index.js';
import { InMemoryNonceStore, NonceStore } from './replay/index.js';

/** What every protection remembers by, where that is not the memory of the process. */
export interface Stores {
  readonly nonceStore: NonceStore;
  readonly rateLimitStore: RateLimitStore;
  readonly connectionStore: ConnectionStore;
  /** Needed only where there are several nodes. */
  readonly revocationBus?: RevocationBus;
  /** Needed only where several nodes share an event mesh. */
  readonly eventLog?: EventLog;
  /** Awaited before the application starts to listen; never rejects, and takes a second or two at most. */
  ready?(): Promise<void>;
  /** Called once the application is shut down and no connection is left. */
  close?(): Promise<void>;
}

/** DI token of the stores the application configured; null where there are none. */
export const STORES = Symbol('STORES');

/** Every port, on the stores configured or in memory. */
export const STORE_PROVIDERS: Provider[] = [
  {
    provide: ConnectionStore,
    useFactory: (stores: Stores | null) => stores?.connectionStore ?? new InMemoryConnectionStore(),
    inject: [STORES],
  },
  {
    provide: RevocationBus,
    useFactory: (stores: Stores | null) => stores?.revocationBus ?? new SingleNodeRevocationBus(),
    inject: [STORES],
  },
  {
    provide: EventLog,
    useFactory: (stores: Stores | null, { mesh }: ResolvedOptions, clock: Clock) =>
      stores?.eventLog ?? new InMemoryEventLog(mesh, clock),
    inject: [STORES, SEMANTIC_EVENTS_OPTIONS, Clock],
  },
  {
    provide: NonceStore,
    useFactory: (stores: Stores | null, { replay }: ResolvedOptions, clock: Clock) =>
      stores?.nonceStore ?? new InMemoryNonceStore(replay.maxNonces, clock),
    inject: [STORES, SEMANTIC_EVENTS_OPTIONS, Clock],
  },
  {
    provide: RateLimitStore,
    useFactory: (stores: Stores | null, { rateLimit }: ResolvedOptions, clock: Clock) =>
      stores?.rateLimitStore ?? new InMemoryRateLimitStore(rateLimit.maxKeys, clock),
    inject: [STORES, SEMANTIC_EVENTS_OPTIONS, Clock],
  },
];

/** Has the application wait for its stores, and closes them when it is done with them. */
@Injectable()
export class StoresLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(STORES) private readonly stores: Stores | null) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.stores?.ready?.();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.stores?.close?.();
  }
}
