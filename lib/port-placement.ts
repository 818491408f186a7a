import { Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { EventAuthorizer } from './auth/index.js';
import { Clock } from './clock.js';
import { ConnectionStore, RevocationBus } from './connection/index.js';
import { EventLog, RoomStore } from './mesh/index.js';
import { Telemetry } from './monitoring/index.js';
import { SemanticEventsConfigError } from './protocol/index.js';
import { RateLimitStore } from './rate-limit/index.js';
import { NonceStore } from './replay/index.js';

/** Ports an application may replace. */
const PORTS = new Set<unknown>([
  EventAuthorizer,
  NonceStore,
  RateLimitStore,
  ConnectionStore,
  RevocationBus,
  EventLog,
  RoomStore,
  Telemetry,
  Clock,
]);

/**
 * Rejects a port that the application provides in a module of its own. Nest would inject it in that module only. All other
 * providers would use the default, and allow what the port forbids.
 */
@Injectable()
export class PortPlacement implements OnModuleInit {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws SemanticEventsConfigError that lists every such port */
  onModuleInit(): void {
    const providers = this.discovery.getProviders();
    const here = providers.find(({ token }) => token === PortPlacement)?.host?.metatype;
    const misplaced = providers.filter(
      ({ token, host }) => PORTS.has(token) && host?.metatype !== here,
    );
    if (misplaced.length > 0)
      throw new SemanticEventsConfigError(
        misplaced.map(
          ({ token, host }) =>
            `${(token as Type).name} of ${host?.name}: provide it through forRoot({ …, providers }) instead, so that all modules use it`,
        ),
      );
  }
}
