import cluster from 'node:cluster';
import { Server as TlsServer } from 'node:tls';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { DefaultEventAuthorizer, EventAuthorizer } from '../auth/index.js';
import { ConnectionServices } from '../connection/guarded/index.js';
import { Clock } from '../clock.js';
import {
  ConnectionStore,
  InMemoryConnectionStore,
  RevocationBus,
  SingleNodeRevocationBus,
} from '../connection/index.js';
import { isProduction, type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { KeyRefresh } from '../signing/index.js';
import { InMemoryRateLimitStore, RateLimitStore } from '../rate-limit/index.js';
import { InMemoryNonceStore, NonceStore } from '../replay/index.js';
import { STORES, type Stores } from '../stores.js';
import type { AuditReport } from './audit-report.js';
import { developmentTableOf, failuresOf, tableOf } from './audit-table.js';
import { audit } from './checklist.js';
import { auditedGateways } from './audited-gateways.js';
import { passedOver } from './global-enhancers.js';
import { httpFactsOf, maxOpenFiles, processFlags } from './process-facts.js';
import { ValidationCheck } from './validation-check.js';

/** Runs the production checklist before the first gateway opens. In mode `enforce`, a failure refuses the start. */
@Injectable()
export class SecurityAudit implements OnApplicationBootstrap {
  private readonly logger = new Logger('SecurityAudit');
  private hasStarted = false;
  private isBootstrapped = false;
  private readonly createdAt: number;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly services: ConnectionServices,
    private readonly connections: ConnectionStore,
    private readonly nonces: NonceStore,
    private readonly rateLimits: RateLimitStore,
    private readonly revocations: RevocationBus,
    private readonly host: HttpAdapterHost,
    private readonly clock: Clock,
    private readonly validation: ValidationCheck,
    private readonly config: ApplicationConfig,
    private readonly keyRefresh: KeyRefresh,
    private readonly authorizer: EventAuthorizer,
    @Inject(STORES) private readonly stores: Stores | null,
  ) {
    this.createdAt = clock.monotonic();
    services.startChecks.push(() => {
      this.start();
    });
  }

  /** Runs the checklist on the present state of the application. The report contains no secrets. */
  run(): AuditReport {
    const flags = processFlags(process);
    return audit({
      flags,
      http: httpFactsOf(this.httpServer(), flags),
      options: this.options,
      keys: this.services.signer.keys,
      keyProblem: this.keyRefresh.problem,
      gateways: auditedGateways(this.services.catalog, this.validation.means),
      overridesCanPublish: overridesCanPublish(this.authorizer),
      hasAdapter: this.hasAdapter(),
      verifiesCertificates: process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0',
      isTlsServer: this.isTlsServer(),
      inMemoryStores: this.inMemoryStores(),
      unusualStoreSettings: this.stores?.unusualSettings ?? [],
      runtime: process.versions,
      maxOpenFiles: maxOpenFiles(),
      passedOver: passedOver(this.config),
      hasSiblings: this.hasSiblings(),
      now: this.clock.now(),
      isClockRunning: this.clock.monotonic() !== this.createdAt,
    });
  }

  /** Runs the checklist if no adapter of this library has opened a gateway. */
  onApplicationBootstrap(): void {
    this.isBootstrapped = true;
    // An application that serves no gateway, such as a script, needs no checklist.
    if (this.httpServer() !== undefined) this.start();
  }

  /** @throws SemanticEventsConfigError that lists every handler without validation and, in mode `enforce`, every failure */
  private start(): void {
    if (this.hasStarted) return;
    this.hasStarted = true;
    const mode = this.options.audit;
    const problems = this.validation.problems();
    const report = this.run();
    if (mode === 'enforce') problems.push(...failuresOf(report));
    if (problems.length > 0) throw new SemanticEventsConfigError(problems);
    if (mode !== 'off') this.print(report);
  }

  private print(report: AuditReport): void {
    if (isProduction()) {
      const isGreen = report.counts.warn + report.counts.fail === 0;
      this.logger[isGreen ? 'log' : 'warn'](tableOf(report));
    } else if (report.counts.fail > 0) {
      this.logger.warn(developmentTableOf(report));
    }
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

  /** Returns whether other processes serve the application. PM2 gives a single process the number 0. */
  private hasSiblings(): boolean {
    const { NODE_APP_INSTANCE: number, instances } = process.env;
    const { nodes } = this.options.monitoring;
    if (Number(number ?? 0) > 0) return true;
    if (nodes !== undefined) return nodes > 1;
    return cluster.isWorker || (number !== undefined && Number(instances) > 1);
  }
}

/** Returns whether the application has replaced `canPublish`. A class that adds rooms to the default has not. */
function overridesCanPublish(authorizer: EventAuthorizer): boolean {
  return authorizer.canPublish !== DefaultEventAuthorizer.prototype.canPublish;
}
