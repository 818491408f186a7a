import {
  type ArgumentsHost,
  type ExceptionFilter,
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleInit,
  Optional,
} from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { recovering } from '../maybe-promise.js';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type UnexpectedErrorContext,
} from '../options/index.js';
import { isInstance } from '../protocol/index.js';
import { logOnly, reportTo, stopReportingTo } from './log-unexpected.js';
import { safeText } from './safe-text.js';
import type { SecuritySubject } from './security-event.js';
import { NO_TELEMETRY, Telemetry } from './telemetry.js';

/** The metadata key of `@Catch()`, for the classes of errors that a filter catches. */
export const CATCHES_METADATA = '__filterCatchExceptions__';

/**
 * Reports unexpected errors to the application: to `monitoring.onUnexpected`, to the span of the running handler, and to global
 * filters (`APP_FILTER`). Nest itself does not call global filters for gateways. If a receiver fails, its own error is logged.
 */
@Injectable()
export class UnexpectedErrors implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('UnexpectedErrors');
  private isReporting = false;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly config: ApplicationConfig,
    private readonly modules: ModuleRef,
    @Optional() private readonly telemetry: Telemetry = NO_TELEMETRY,
  ) {}

  onModuleInit(): void {
    reportTo(this);
  }

  onApplicationShutdown(): void {
    stopReportingTo(this);
  }

  /** @param host what filters receive; if omitted, one without a client */
  report(error: unknown, context: UnexpectedErrorContext, host?: ArgumentsHost): void {
    // A receiver that fails can cause the next report.
    if (this.isReporting) return;
    this.isReporting = true;
    try {
      this.safely('Telemetry', () => {
        this.telemetry.failed(error);
      });
      const { onUnexpected } = this.options.monitoring;
      if (onUnexpected)
        this.safely('monitoring.onUnexpected', () => onUnexpected(error, Object.freeze(context)));
      // Many global filters were written for HTTP only, and fail at the missing response.
      this.safely(
        'An exception filter of the application',
        () => this.callFilter(error, host ?? hostOf(context)),
        "If it answers HTTP responses, let it return first when host.getType() is not 'http'. ",
      );
    } finally {
      this.isReporting = false;
    }
  }

  /** Calls the filter that Nest would call over HTTP: the last registered one that catches the error. */
  private callFilter(error: unknown, host: ArgumentsHost): unknown {
    const scoped = this.config.getGlobalRequestFilters();
    const filter = this.config.getGlobalFilters().findLast(one => catches(one.constructor, error));
    if (filter) return filter.catch(error, host);
    const found = scoped.findLast(({ metatype }) => metatype && catches(metatype, error));
    return found && this.callScoped(found.token as string, error, host);
  }

  private async callScoped(token: string, error: unknown, host: ArgumentsHost): Promise<unknown> {
    const options = { strict: false };
    const filter = await this.modules.resolve<ExceptionFilter>(token, undefined, options);
    return filter.catch(error, host);
  }

  /** @param hint the usual cause, and what to do */
  private safely(name: string, call: () => unknown, hint = ''): void {
    void recovering(call, error => {
      logOnly(this.logger, error, undefined, `${name} failed. ${hint}`);
    });
  }
}

/** Describes where an error of one client was thrown. Clients choose names and ids of events. */
export function errorContext(
  source: string,
  { id, user }: SecuritySubject,
  event: { readonly eventType?: string; readonly eventId?: string } = {},
): UnexpectedErrorContext {
  const { eventType, eventId } = event;
  return {
    source,
    clientId: id,
    userId: user && safeText(String(user.id)),
    eventType: eventType === undefined ? undefined : safeText(eventType),
    eventId: eventId === undefined ? undefined : safeText(eventId),
  };
}

function catches(filter: object, error: unknown): boolean {
  const classes = (Reflect.getMetadata(CATCHES_METADATA, filter) ?? []) as (new () => unknown)[];
  return classes.length === 0 || classes.some(type => isInstance(error, type));
}

function hostOf({ source }: UnexpectedErrorContext): ArgumentsHost {
  const host = new ExecutionContextHost([{}, undefined, source]);
  host.setType('ws');
  return host;
}
