export { ConnectionServices } from './connection-services.js';
export { type CatalogGateway, GatewayCatalog } from './gateway-catalog.js';
export { HandshakePolicy } from './handshake-policy.js';
export { SecureGateway } from './secure-gateway.decorator.js';
export { SemanticEventsAdapter } from './semantic-events.adapter.js';
export { SemanticEventsExceptionFilter } from './semantic-events-exception.filter.js';
export { TelemetryFeed } from './telemetry-feed.js';
