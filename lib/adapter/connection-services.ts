import { Inject, Injectable, Logger } from '@nestjs/common';
import { SessionRegistry, TokenAuthenticator } from '../auth/index.js';
import { Clock } from '../clock.js';
import { ConnectionManager } from '../connection/index.js';
import { SubscriptionHub } from '../mesh/index.js';
import { SecurityEvents, Telemetry } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { BroadcastSigner, EventSigner, ReplySigner } from '../signing/index.js';
import { GatewayCatalog } from './gateway-catalog.js';
import { HandshakePolicy } from './handshake-policy.js';
import { WriteBatch } from './write-batch.js';

/** What the adapter and its connections need of the application, gathered once. */
@Injectable()
export class ConnectionServices {
  readonly logger = new Logger('SemanticEventsAdapter');

  /** Run before the first gateway is opened; what one throws stops the start of the application. */
  readonly startChecks: (() => void)[] = [];
  /** How far SemanticEventsAdapter has come: a gateway on another adapter never gets it to serve. */
  adapter: 'none' | 'made' | 'serving' = 'none';
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
  ) {}
}
