import { Inject, Injectable, type INestApplicationContext, Logger } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SessionRegistry, TokenAuthenticator } from '../auth/index.js';
import { Clock } from '../clock.js';
import { clientOf, ConnectionManager } from '../connection/index.js';
import { SubscriptionHub } from '../mesh/index.js';
import { logUnexpected, SecurityEvents, Telemetry } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { RateLimiter } from '../rate-limit/index.js';
import { BroadcastSigner, EventSigner, ReplySigner } from '../signing/index.js';
import { GatewayCatalog } from './gateway-catalog.js';
import { HandshakePolicy } from './handshake-policy.js';
import { guardHooks } from './lifecycle-hooks.js';
import { Turn } from './turn.js';
import { WriteBatch } from './write-batch.js';

/** What the adapter and its connections need of the application, gathered once. */
@Injectable()
export class ConnectionServices {
  readonly logger = new Logger('SemanticEventsAdapter');

  /** Run before the first gateway is opened; what one throws stops the start of the application. */
  readonly startChecks: (() => void)[] = [];
  /** How far an adapter of ours has come: a gateway on another one never gets it to serve. */
  adapter: 'none' | 'made' | 'serving' = 'none';
  readonly turn = new Turn();
  readonly writes = new WriteBatch();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) readonly options: ResolvedOptions,
    readonly clock: Clock,
    readonly signer: EventSigner,
    readonly replies: ReplySigner,
    readonly authenticator: TokenAuthenticator,
    readonly sessions: SessionRegistry,
    readonly connections: ConnectionManager,
    readonly catalog: GatewayCatalog,
    readonly handshakes: HandshakePolicy,
    readonly events: SecurityEvents,
    readonly hub: SubscriptionHub,
    readonly broadcasts: BroadcastSigner,
    readonly telemetry: Telemetry,
    readonly limiter: RateLimiter,
  ) {}

  /** Called by an adapter before it opens a gateway. */
  serve(): void {
    if (this.adapter !== 'serving')
      for (const { instance = {} } of this.catalog.list())
        guardHooks(instance, (error, socket) => {
          logUnexpected(this.logger, error);
          const { id } = clientOf(socket);
          if (this.connections.get(id)) this.connections.disconnect(id, 'INTERNAL');
        });
    this.adapter = 'serving';
    for (const check of this.startChecks) check();
  }
}

/** @throws SemanticEventsConfigError when SemanticEventsModule is not imported */
export function servicesOf(app: INestApplicationContext, adapter: string): ConnectionServices {
  // Asked for a provider it does not have, an application made by NestFactory ends the process.
  const modules = [...app.get(ModulesContainer, { strict: false }).values()];
  // Of two, gateways would be served by one and guarded by the other, which knows none of its session keys.
  if (modules.filter(({ providers }) => providers.has(ConnectionServices)).length !== 1)
    throw new SemanticEventsConfigError([
      `${adapter} needs SemanticEventsModule.forRoot() among the imports of the application, once`,
    ]);
  const services = app.get(ConnectionServices, { strict: false });
  services.adapter = 'made';
  return services;
}
