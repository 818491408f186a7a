import type { CatalogGateway, GatewayCatalog } from '../gateway/index.js';
import { AuthenticatedGuard } from '../auth/index.js';
import { GUARDS_METADATA, validationOf, type ValidationMeans } from '../handler/index.js';
import { RateLimitGuard } from '../rate-limit/index.js';
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
      isLimited: guards(gateway, method, RateLimitGuard),
    })),
  }));
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
