import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import { TICKET_ROUTE, ticketControllerFor } from './auth/index.js';
import type { Telemetry } from './monitoring/index.js';
import type { SemanticEventsOptions, TicketRouteOptions } from './options/index.js';
import type { Stores } from './stores.js';

/** What `SemanticEventsModule.forRoot` takes. Times are milliseconds, sizes bytes. */
export interface SemanticEventsModuleOptions extends SemanticEventsOptions {
  /** What the protections remember by, such as `redisStores({ url })`; the process' own memory when left out. */
  stores?: Stores;
  /** Where measurements and traces go, such as `openTelemetry()`; nowhere when left out. */
  telemetry?: Telemetry;
}

export interface SemanticEventsModuleExtras {
  /** Whether every module sees the providers without importing this one. @default true */
  isGlobal?: boolean;
  /** Providers that take the place of the module's own, such as `{ provide: NonceStore, useClass: … }`. */
  providers?: Provider[];
  /**
   * Mounts `POST /auth/ticket`. It stands here for `forRootAsync`, because Nest must know controllers before
   * the options are made; with `forRoot` it is `auth.ticketRoute`.
   */
  ticketRoute?: TicketRouteOptions;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SemanticEventsModuleOptions>({ moduleName: 'SemanticEvents' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSemanticEventsOptions')
    .setExtras<SemanticEventsModuleExtras>(
      { isGlobal: true, providers: [], ticketRoute: undefined },
      (definition, { isGlobal, providers = [], ticketRoute }) => ({
        ...definition,
        global: isGlobal,
        controllers: ticketRoute ? [ticketControllerFor(ticketRoute)] : [],
        providers: [
          ...(definition.providers ?? []),
          { provide: TICKET_ROUTE, useValue: ticketRoute ?? null },
          ...providers,
        ],
      }),
    )
    .build();
