import type { ConnectionServices } from './connection-services.js';
import type { FrameBuckets } from './frame-meter.js';
import type { RouteTable } from './route-table.js';

/** What all connections of an endpoint share. */
export interface ServedEndpoint {
  readonly services: ConnectionServices;
  readonly path: string;
  /** Whether a client may stay without ever authenticating. */
  readonly isOpenToAll: boolean;
  readonly buckets: FrameBuckets;
  /** What is handled before any gateway is bound: nothing. */
  readonly routes: RouteTable;
}
