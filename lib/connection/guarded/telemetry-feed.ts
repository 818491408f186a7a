import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ConnectionManager } from '../index.js';
import { SecurityEvents, Telemetry } from '../../monitoring/index.js';
import { GatewayCatalog } from '../../gateway/index.js';

/** Connects telemetry to the application, before its first connection and until after its last. */
@Injectable()
export class TelemetryFeed implements OnApplicationShutdown {
  private readonly stop: () => void;

  constructor(
    telemetry: Telemetry,
    events: SecurityEvents,
    connections: ConnectionManager,
    catalog: GatewayCatalog,
  ) {
    this.stop = telemetry.watch({
      events,
      handlers: () => catalog.messages(),
      connections: () => connections.count,
      queuedBytes: () => connections.queuedBytes,
    });
  }

  onApplicationShutdown(): void {
    this.stop();
  }
}
