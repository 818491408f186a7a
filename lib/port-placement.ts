import { Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { EventAuthorizer } from './auth/index.js';
import { Clock } from './clock.js';
import { ConnectionStore, RevocationBus } from './connection/index.js';
import { EventLog } from './mesh/index.js';
import { Telemetry } from './monitoring/index.js';
import { SemanticEventsConfigError } from './protocol/index.js';
import { RateLimitStore } from './rate-limit/index.js';
import { NonceStore } from './replay/index.js';

/** What an application may put its own in the place of. */
const PORTS = new Set<unknown>([
  EventAuthorizer,
  NonceStore,
  RateLimitStore,
  ConnectionStore,
  RevocationBus,
  EventLog,
  Telemetry,
  Clock,
]);

/**
 * Refuses a port of the application's in a module of its own, where Nest finds it for the providers of that module only:
 * all others would go on with ours, and allow what it forbids.
 */
@Injectable()
export class PortPlacement implements OnModuleInit {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws SemanticEventsConfigError naming every one */
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
            `${(token as Type).name} of ${host?.name}: provide it by forRoot({ …, providers }), for all to find it`,
        ),
      );
  }
}
