import type { CatalogGateway, GatewayCatalog } from '../adapter/index.js';
import { AuthenticatedGuard } from '../auth/index.js';
import { GUARDS_METADATA, takesUnvalidatedData } from '../handler/index.js';
import type { AuditedGateway } from './audit-report.js';

/** What the checklist wants to know of every gateway. */
export function auditedGateways(catalog: GatewayCatalog): AuditedGateway[] {
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
      isValidated: !takesUnvalidatedData(gateway.metatype, method),
    })),
  }));
}

function isGuarded({ metatype, handlers }: CatalogGateway): boolean {
  const prototype = metatype.prototype as Record<string, object>;
  return (
    hasAuthenticatedGuard(metatype) ||
    (handlers.length > 0 &&
      handlers.every(({ method }) => hasAuthenticatedGuard(prototype[method])))
  );
}

function hasAuthenticatedGuard(target: object | undefined): boolean {
  const guards = (target && (Reflect.getMetadata(GUARDS_METADATA, target) as unknown[])) ?? [];
  return guards.some(
    guard =>
      guard === AuthenticatedGuard ||
      guard instanceof AuthenticatedGuard ||
      (typeof guard === 'function' && guard.prototype instanceof AuthenticatedGuard),
  );
}
