export { AuthenticatedHooks, type OnGatewayAuthenticated } from './authenticated-hook.js';
export { GatewayBinder } from './gateway-binder.js';
export {
  type CatalogGateway,
  type Endpoint,
  GatewayCatalog,
  normalizePath,
} from './gateway-catalog.js';
export { guardHooks } from './lifecycle-hooks.js';
export { type GatewayFacts, RouteTable } from './route-table.js';
export { SecureGateway } from './secure-gateway.decorator.js';
export { SemanticEventsExceptionFilter } from './semantic-events-exception.filter.js';
export { withoutStockAdapterReplies } from './stock-adapter-replies.interceptor.js';
