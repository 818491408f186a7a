import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import { TICKET_ROUTE, ticketControllerFor } from './auth/index.js';
import { DEVTOOLS, devtoolsControllerFor, type DevtoolsOptions } from './devtools/index.js';
import type { Telemetry } from './monitoring/index.js';
import type { SemanticEventsOptions, TicketRouteOptions } from './options/index.js';
import type { Stores } from './stores.js';

/** The options of `SemanticEventsModule.forRoot`. Times are in milliseconds, sizes in bytes. */
export interface SemanticEventsModuleOptions extends SemanticEventsOptions {
  /** The stores of the protections, such as `redisStores({ url })`. @default the memory of the process */
  stores?: Stores;
  /** The receiver of metrics and traces, such as `openTelemetry()`. @default none */
  telemetry?: Telemetry;
}

export interface SemanticEventsModuleExtras {
  /** Whether all modules can inject the providers without importing this module. @default true */
  isGlobal?: boolean;
  /** Providers that replace those of the module, such as `{ provide: NonceStore, useClass: … }`. */
  providers?: Provider[];
  /**
   * Adds the route `POST /auth/ticket`. With `forRootAsync` set it here, because Nest must know controllers before the
   * factory runs. With `forRoot` use `auth.ticketRoute`.
   */
  ticketRoute?: TicketRouteOptions;
  /** Adds routes for administrators that list connections, disconnect them, and log users out. @default none */
  devtools?: DevtoolsOptions;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SemanticEventsModuleOptions>({ moduleName: 'SemanticEvents' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSemanticEventsOptions')
    .setExtras<SemanticEventsModuleExtras>(
      { isGlobal: true, providers: [], ticketRoute: undefined, devtools: undefined },
      (definition, { isGlobal, providers = [], ticketRoute, devtools }) => ({
        ...definition,
        global: isGlobal,
        controllers: [
          ...(ticketRoute ? [ticketControllerFor(ticketRoute)] : []),
          ...(devtools === undefined ? [] : [devtoolsControllerFor(devtools)]),
        ],
        providers: [
          ...(definition.providers ?? []),
          { provide: TICKET_ROUTE, useValue: ticketRoute ?? null },
          { provide: DEVTOOLS, useValue: devtools ?? null },
          ...providers,
        ],
      }),
    )
    .build();
