// Starts an application of this library around a gateway.
import { WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway, SemanticEventsAdapter, SemanticEventsModule } from 'nestjs-semantic-events';
import { decorateClass } from './decorate.js';
import { startNest } from './nest.js';
import { JWT_SECRET, RING_KEY } from './settings.js';

const MANY = 1e6;

/** Limits that benchmarks never reach: all clients share one address and send as fast as they can. */
export const UNLIMITED = {
  maxConnections: MANY,
  maxConnectionsPerAddress: MANY,
  maxConnectionsPerUser: MANY,
  connectRate: MANY,
  connectBurst: MANY,
  messageRate: MANY,
  messageBurst: MANY,
  maxStrikes: MANY,
};

/**
 * @param options options that differ from the defaults of the benchmarks
 * @param decorators the decorators of the gateway
 * @param Adapter the adapter of the transport
 */
export function serve(
  Gateway,
  options,
  decorators = [SecureGateway()],
  Adapter = SemanticEventsAdapter,
) {
  decorateClass(Gateway, WebSocketGateway({ path: '/events' }), ...decorators);
  const module = SemanticEventsModule.forRoot({
    signing: { keys: [RING_KEY] },
    auth: { jwt: { secret: JWT_SECRET } },
    audit: 'off',
    monitoring: { log: false },
    ...options,
  });
  return startNest({ imports: [module], providers: [Gateway] }, Adapter);
}
