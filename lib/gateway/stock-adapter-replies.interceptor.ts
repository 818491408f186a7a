import { Injectable } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { INTERCEPTORS_METADATA } from '../handler/index.js';
import { SignReplyInterceptor } from '../signing/index.js';

/**
 * Signs replies under a stock adapter. The adapters of this library sign them themselves, after all interceptors of the
 * application. Besides, an interceptor costs five Observables per value.
 */
@Injectable()
export class StockAdapterReplies extends SignReplyInterceptor {}

/** Removes the interceptor from an application. Call this before the application opens its gateways. */
export function withoutStockAdapterReplies(modules: ModulesContainer): void {
  for (const { injectables } of modules.values()) injectables.delete(StockAdapterReplies);
}

/** Returns whether a gateway has `@SecureGateway()`, itself or by inheritance. */
export function isSecureGateway(gateway: object): boolean {
  const interceptors: unknown = Reflect.getMetadata(INTERCEPTORS_METADATA, gateway);
  return Array.isArray(interceptors) && interceptors.includes(StockAdapterReplies);
}
