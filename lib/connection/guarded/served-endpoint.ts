import type { Endpoint } from '../../gateway/index.js';
import type { ConnectionServices } from './connection-services.js';

/** The state that all connections of an endpoint share. */
export interface ServedEndpoint {
  readonly services: ConnectionServices;
  readonly path: string;
  /** Whether a client may stay connected without authentication. */
  readonly isOpenToAll: boolean;
  /** Whether a client may call handlers before it authenticates. */
  readonly hasPublic: boolean;
}

/** @param path the path for clients */
export function servedEndpoint(
  services: ConnectionServices,
  endpoint: Endpoint,
  path: string,
): ServedEndpoint {
  const { catalog } = services;
  return {
    services,
    path,
    isOpenToAll: catalog.isOpen(endpoint),
    hasPublic: catalog.hasPublic(endpoint),
  };
}
