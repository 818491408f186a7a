import type { CatalogGateway, GatewayCatalog } from '../gateway/index.js';
import { AuthenticatedGuard, EventAuthorizationGuard } from '../auth/index.js';
import {
  GuardRank,
  GUARDS_METADATA,
  guardsOf,
  takesEventsOnly,
  validationOf,
  type ValidationMeans,
} from '../handler/index.js';
import { decoratedLimitOf, RateLimitGuard } from '../rate-limit/index.js';
import { SignedEventGuard } from '../signing/index.js';
import type { AuditedGateway } from './audit-report.js';

/** Collects the facts about every gateway for the checklist. */
export function auditedGateways(catalog: GatewayCatalog, means: ValidationMeans): AuditedGateway[] {
  return catalog.list().map(gateway => ({
    name: gateway.metatype.name,
    path: gateway.endpoint.path,
    hasOwnPort: gateway.endpoint.port !== 0,
    isPublic: gateway.isPublic,
    isGuarded: isGuarded(gateway),
    ...catalog.connectionOptionsAt(gateway.endpoint),
    handlers: gateway.handlers.map(({ method, isPublic }) => ({
      name: `${gateway.metatype.name}.${method}`,
      isPublic,
      isValidated: validationOf(gateway.metatype, method, means).isValidated,
      isSigned: guards(gateway, method, SignedEventGuard),
      takesAnyPlainMessage: takesAnyPlainMessage(gateway, method),
      isLimited: isLimited(gateway, method),
    })),
  }));
}

function takesAnyPlainMessage(gateway: CatalogGateway, method: string): boolean {
  const { metatype } = gateway;
  if (guards(gateway, method, SignedEventGuard) || takesEventsOnly(metatype, method)) return false;
  const handler = (metatype.prototype as Record<string, object>)[method];
  const checks = [metatype, handler].flatMap(one =>
    one ? guardsOf(one, GuardRank.Authorization) : [],
  );
  // This guard asks the EventAuthorizer, about events only.
  return checks.every(guard => guard === EventAuthorizationGuard);
}

/** Limits above these limit nothing: per millisecond, and at once. */
const MAX_RATE = 10;
const MAX_BURST = 100_000;

function isLimited(gateway: CatalogGateway, method: string): boolean {
  const { metatype } = gateway;
  const handler = (metatype.prototype as Record<string, object>)[method];
  if (!handler || !guards(gateway, method, RateLimitGuard)) return false;
  const limit = decoratedLimitOf(metatype, handler);
  if (limit === 'skipped') return false;
  // A guard of the application may have a limit without the decorator.
  if (limit === undefined) return true;
  const { rate, per = 1_000, burst = rate } = limit;
  return rate / per <= MAX_RATE && burst <= MAX_BURST;
}

function isGuarded(gateway: CatalogGateway): boolean {
  const { metatype, handlers } = gateway;
  return (
    hasGuard(metatype, AuthenticatedGuard) ||
    (handlers.length > 0 &&
      handlers.every(({ method }) => guards(gateway, method, AuthenticatedGuard)))
  );
}

type Guard = abstract new (...args: never[]) => object;

/** Returns whether a guard, or a subclass of it, protects a handler. */
function guards({ metatype }: CatalogGateway, method: string, type: Guard): boolean {
  const handler = (metatype.prototype as Record<string, object>)[method];
  return hasGuard(metatype, type) || hasGuard(handler, type);
}

function hasGuard(target: object | undefined, type: Guard): boolean {
  const attached = (target && (Reflect.getMetadata(GUARDS_METADATA, target) as unknown[])) ?? [];
  return attached.some(
    guard =>
      guard === type ||
      guard instanceof type ||
      (typeof guard === 'function' && guard.prototype instanceof type),
  );
}
