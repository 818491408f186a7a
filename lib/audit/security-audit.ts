import cluster from 'node:cluster';
import { Server as TlsServer } from 'node:tls';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ConnectionServices } from '../adapter/index.js';
import { Clock } from '../clock.js';
import {
  ConnectionStore,
  InMemoryConnectionStore,
  RevocationBus,
  SingleNodeRevocationBus,
} from '../connection/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { InMemoryRateLimitStore, RateLimitStore } from '../rate-limit/index.js';
import { InMemoryNonceStore, NonceStore } from '../replay/index.js';
import type { AuditReport } from './audit-report.js';
import { sentenceOf, tableOf } from './audit-table.js';
import { audit } from './checklist.js';
import { auditedGateways } from './audited-gateways.js';

/**
 * The production checklist, as code. It runs before the first gateway is opened, and again whenever it is asked
 * to; in mode `enforce` an application that fails it does not start.
 */
@Injectable()
export class SecurityAudit implements OnApplicationBootstrap {
  private readonly logger = new Logger('SecurityAudit');
  private hasStarted = false;
  private isBootstrapped = false;

  /** @internal */
  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly services: ConnectionServices,
    private readonly connections: ConnectionStore,
    private readonly nonces: NonceStore,
    private readonly rateLimits: RateLimitStore,
    private readonly revocations: RevocationBus,
    private readonly host: HttpAdapterHost,
    private readonly clock: Clock,
  ) {
    services.startChecks.push(() => {
      this.start();
    });
  }

  /** Goes through the checklist, as things are now. Nothing secret is part of the answers. */
  run(): AuditReport {
    return audit({
      options: this.options,
      keys: this.services.signer.keys,
      gateways: auditedGateways(this.services.catalog),
      hasAdapter: this.hasAdapter(),
      isTlsServer: this.isTlsServer(),
      inMemoryStores: this.inMemoryStores(),
      hasSiblings: this.hasSiblings(),
      now: this.clock.now(),
    });
  }

  /** Where no gateway of the adapter's has been opened: a stock adapter, or no gateway at all. */
  onApplicationBootstrap(): void {
    this.isBootstrapped = true;
    // What serves nobody, such as a script, needs no checklist.
    if (this.httpServer() !== undefined) this.start();
  }

  /** @throws SemanticEventsConfigError naming every item that fails, where that is to be enforced */
  private start(): void {
    const mode = this.options.audit;
    if (this.hasStarted || mode === 'off') return;
    this.hasStarted = true;
    const report = this.run();
    const failures = report.items.filter(({ status }) => status === 'fail');
    // The error says it all: nobody should have to read it twice.
    if (mode === 'enforce' && failures.length > 0)
      throw new SemanticEventsConfigError(failures.map(item => `${item.id}: ${sentenceOf(item)}`));
    this.print(report);
  }

  private print(report: AuditReport): void {
    const isGreen = report.counts.warn + report.counts.fail === 0;
    this.logger[isGreen ? 'log' : 'warn'](tableOf(report));
  }

  private hasAdapter(): boolean {
    const { adapter } = this.services;
    return adapter === 'serving' || (adapter === 'made' && !this.isBootstrapped);
  }

  private httpServer(): unknown {
    // Nest's type does not say that an application without HTTP has none.
    const adapter = this.host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    return adapter?.getHttpServer() as unknown;
  }

  private isTlsServer(): boolean {
    return this.httpServer() instanceof TlsServer;
  }

  private inMemoryStores(): string[] {
    return [
      this.connections instanceof InMemoryConnectionStore && 'connections',
      this.nonces instanceof InMemoryNonceStore && 'nonces',
      this.rateLimits instanceof InMemoryRateLimitStore && 'rate limits',
      this.revocations instanceof SingleNodeRevocationBus && 'log-outs',
    ].filter(name => name !== false);
  }

  /** What the options say, or what Node's cluster and PM2 tell their processes. */
  private hasSiblings(): boolean {
    return (
      this.options.monitoring.nodes > 1 ||
      cluster.isWorker ||
      process.env.NODE_APP_INSTANCE !== undefined
    );
  }
}
