import { Injectable } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { INTERCEPTORS_METADATA } from '../handler/index.js';
import { SignReplyInterceptor } from '../signing/index.js';

/**
 * Signs replies under an adapter that cannot. SemanticEventsAdapter signs them by itself: a value that goes through an
 * interceptor goes through five Observables.
 */
@Injectable()
export class StockAdapterReplies extends SignReplyInterceptor {}

/** Takes the interceptor out of an application, which must not have begun to open its gateways. */
export function withoutStockAdapterReplies(modules: ModulesContainer): void {
  for (const { injectables } of modules.values()) injectables.delete(StockAdapterReplies);
}

/** Whether a gateway is one of ours, by itself or by inheritance. */
export function isSecureGateway(gateway: object): boolean {
  const interceptors: unknown = Reflect.getMetadata(INTERCEPTORS_METADATA, gateway);
  return Array.isArray(interceptors) && interceptors.includes(StockAdapterReplies);
}
