export { closedOrLate } from './close-grace.js';
export { closingOf } from './closing-of.js';
export { bindConnection, type RefusalOutlet } from './connection-of.js';
export { ConnectionServices, servicesOf } from './connection-services.js';
export { type FrameBuckets, frameBuckets, FrameMeter } from './frame-meter.js';
export {
  type CatalogGateway,
  type Endpoint,
  GatewayCatalog,
  normalizePath,
} from './gateway-catalog.js';
export { guardedSocket, OWNER, type SocketOwner } from './guarded-socket.js';
export { handshakeOf } from './handshake-of.js';
export {
  type Admission,
  HandshakePolicy,
  type HandshakeRefusal,
  type Lifetime,
} from './handshake-policy.js';
export { answerTo, refuseUpgrade } from './handshake-refusal.js';
export { HttpServerGuard } from './http-server-guard.js';
export { Intake, type IntakeOwner } from './intake.js';
export { watchMessageSize } from './message-size-watch.js';
export { RunningCalls } from './running-calls.js';
export { SecureGateway } from './secure-gateway.decorator.js';
export { SemanticEventsAdapter } from './semantic-events.adapter.js';
export { SemanticEventsExceptionFilter } from './semantic-events-exception.filter.js';
export { Session } from './session.js';
export { TelemetryFeed } from './telemetry-feed.js';
export { WS_BOUNDS } from './ws-bounds.js';
