import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import type { SemanticEventsOptions } from './options/index.js';

export interface SemanticEventsModuleExtras {
  /** Whether every module sees the providers without importing this one. @default true */
  isGlobal?: boolean;
  /** Providers that take the place of the module's own, such as `{ provide: NonceStore, useClass: … }`. */
  providers?: Provider[];
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SemanticEventsOptions>({ moduleName: 'SemanticEvents' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSemanticEventsOptions')
    .setExtras<SemanticEventsModuleExtras>(
      { isGlobal: true, providers: [] },
      (definition, { isGlobal, providers = [] }) => ({
        ...definition,
        global: isGlobal,
        providers: [...(definition.providers ?? []), ...providers],
      }),
    )
    .build();
