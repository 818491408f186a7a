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
import { EventLog, InMemoryEventLog, InMemoryRoomStore, RoomStore } from './mesh/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from './options/index.js';
import { InMemoryRateLimitStore, RateLimitStore } from './rate-limit/index.js';
import { EventSigner, fingerprintOf } from './signing/index.js';
import { InMemoryNonceStore, NonceStore } from './replay/index.js';

/** The stores of all protections outside of the process. */
export interface Stores {
  readonly nonceStore: NonceStore;
  readonly rateLimitStore: RateLimitStore;
  readonly connectionStore: ConnectionStore;
  /** Required only with several nodes. */
  readonly revocationBus?: RevocationBus;
  /** Required only if several nodes share an event mesh. */
  readonly eventLog?: EventLog;
  /** Required only if several nodes share rooms. */
  readonly roomStore?: RoomStore;
  /** The settings of the stores that are too small or too large. The production checklist warns of them. */
  readonly unusualSettings?: readonly string[];
  /** Awaited before the application listens. It must not reject, and must end soon although a store is down. */
  ready?(): Promise<void>;
  /**
   * Called at start, after `ready`, with the fingerprints of the key ring, which identify the application.
   *
   * @throws SemanticEventsConfigError by rejecting, if another application uses the same storage
   */
  claim?(fingerprints: () => readonly string[]): Promise<void>;
  /** Called when the application has shut down and all connections are closed. */
  close?(): Promise<void>;
}

/** DI token of the configured stores; null if none are configured. */
export const STORES = Symbol('STORES');

/** Providers of all ports, on the configured stores or in memory. */
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
    provide: RoomStore,
    useFactory: (stores: Stores | null) => stores?.roomStore ?? new InMemoryRoomStore(),
    inject: [STORES],
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

/** Waits for the stores at start, and closes them at shutdown. */
@Injectable()
export class StoresLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(STORES) private readonly stores: Stores | null,
    private readonly signer: EventSigner,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.stores?.ready?.();
    try {
      await this.stores?.claim?.(() => this.signer.keys.map(({ key }) => fingerprintOf(key)));
    } catch (error) {
      // Nest calls no shutdown hook of an application that does not start.
      await this.stores?.close?.();
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.stores?.close?.();
  }
}
