import type { IncomingMessage } from 'node:http';
import { Inject, Injectable, type INestApplicationContext, Logger } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { SessionRegistry, TokenAuthenticator } from '../../auth/index.js';
import { Clock } from '../../clock.js';
import { clientOf, ConnectionManager } from '../index.js';
import { CompatibleMode } from '../../event/index.js';
import { SubscriptionHub } from '../../mesh/index.js';
import {
  contained,
  errorContext,
  logOnly,
  SecurityEvents,
  Telemetry,
  thrown,
  UnexpectedErrors,
} from '../../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../../options/index.js';
import { RefusalError, SemanticEventsConfigError } from '../../protocol/index.js';
import { RateLimiter } from '../../rate-limit/index.js';
import { BroadcastSigner, EventSigner, ReplySigner } from '../../signing/index.js';
import {
  AuthenticatedHooks,
  type CatalogGateway,
  GatewayBinder,
  GatewayCatalog,
  guardHooks,
} from '../../gateway/index.js';
import { HandshakePolicy, type HandshakeRefusal, requestedPath } from '../../handshake/index.js';
import { Budgets } from './budget.js';

/** The dependencies of the adapters and their connections. */
@Injectable()
export class ConnectionServices {
  readonly logger = new Logger('SemanticEventsAdapter');

  /** Checks that run before the first gateway opens. If one throws, the application does not start. */
  readonly startChecks: (() => void)[] = [];
  /** The state of the library's adapter. It stays `made` if another adapter opens the gateways. */
  adapter: 'none' | 'made' | 'serving' = 'none';
  readonly gateways = new GatewayBinder();
  readonly hooks: AuthenticatedHooks;
  readonly budgets: Budgets;

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
    modules: ModuleRef,
    readonly errors: UnexpectedErrors,
    @Inject(CompatibleMode) readonly compatible: CompatibleMode | null,
  ) {
    this.hooks = new AuthenticatedHooks(modules, this.hookFailed);
    this.budgets = new Budgets(options.connection);
  }

  /** Reports a refused handshake to operators. @param path the path of the gateway, or the requested one */
  reportHandshake(
    request: IncomingMessage,
    { code, reason }: HandshakeRefusal,
    path = requestedPath(request) ?? '(malformed)',
  ): void {
    this.events.handshakeRefused(
      this.handshakes.addressOf(request),
      code,
      path,
      request.headers.origin,
      reason ?? (code === 'UNKNOWN_PATH' ? () => this.whyUnknown() : undefined),
    );
  }

  /** Wraps Nest's callback for connections of a gateway, which calls `handleConnection` and binds the handlers. */
  connecting<S extends object, A extends unknown[]>(
    gateway: CatalogGateway | undefined,
    callback: (socket: S, ...rest: A) => void,
  ): (socket: S, ...rest: A) => void {
    const connect = this.gateways.within(gateway, callback);
    return (socket, ...rest) => {
      connect(socket, ...rest);
      this.hooks.connected(gateway, clientOf(socket), socket);
    };
  }

  /** Prepares the gateways. An adapter calls it before it opens each one. */
  serve(): void {
    if (this.adapter !== 'serving') {
      for (const { wrapper } of this.catalog.list()) guardHooks(wrapper, this.hookFailed);
      this.gateways.watch(this.catalog.list());
    }
    this.adapter = 'serving';
    for (const check of this.startChecks) check();
  }

  private whyUnknown(): string {
    const paths = new Set(this.catalog.list().map(({ endpoint }) => endpoint.path));
    return `no gateway is at this path; gateways are at ${[...paths].join(', ')}`;
  }

  private readonly hookFailed = contained((error: unknown, socket: object): void => {
    // A hook that joins a room fails if the store is unavailable. The client then reconnects.
    const isOutage = RefusalError.is(error) && error.code === 'UNAVAILABLE';
    const client = clientOf(socket);
    if (!isOutage) {
      logOnly(this.logger, error);
      this.errors.report(error, errorContext('hook', client));
    }
    const { id } = client;
    if (this.connections.get(id))
      this.connections.disconnect(
        id,
        isOutage ? 'UNAVAILABLE' : 'INTERNAL',
        `a hook of the gateway failed: ${thrown(error)}`,
      );
  });
}

/** @throws SemanticEventsConfigError when SemanticEventsModule is not imported, or when gateways have another adapter already */
export function servicesOf(app: INestApplicationContext, adapter: string): ConnectionServices {
  // `app.get` of a missing provider would end the process, so search the modules instead.
  const modules = [...app.get(ModulesContainer, { strict: false }).values()];
  // With two, one would serve the gateways and the other guard them, without the session keys of the first.
  if (modules.filter(({ providers }) => providers.has(ConnectionServices)).length !== 1)
    throw new SemanticEventsConfigError([
      `${adapter} needs SemanticEventsModule.forRoot() among the imports of the application, once`,
    ]);
  const services = app.get(ConnectionServices, { strict: false });
  if (isInitialized(app) && services.catalog.list().length > 0)
    throw new SemanticEventsConfigError([
      `${adapter} must be installed before app.init() and app.listen(): the gateways are open already, without its protection`,
    ]);
  services.adapter = 'made';
  return services;
}

/** Returns whether an application has opened its gateways. A testing module that is initialized opens none. */
function isInitialized(app: INestApplicationContext): boolean {
  return 'useWebSocketAdapter' in app && Reflect.get(app, 'isInitialized') === true;
}
