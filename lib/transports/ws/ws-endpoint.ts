import type { ServedEndpoint } from '../../connection/guarded/index.js';
import type { RouteTable } from '../../gateway/index.js';
import type { OutboundQueue } from './outbound-queue.js';
import type { ReceiveBatch } from './receive-batch.js';

/** The state that all ws connections of an endpoint share. */
export interface WsEndpoint extends ServedEndpoint {
  /** The empty route table, before any gateway is bound. */
  readonly routes: RouteTable;
  readonly batch: ReceiveBatch;
  readonly outbound: OutboundQueue;
}
