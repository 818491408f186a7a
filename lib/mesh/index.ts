export { ClientSubscriptions, type SubscriptionOutlet } from './client-subscriptions.js';
export { EventFeed } from './event-feed.js';
export type { EventContext, EventHandler, EventHandlerOptions } from './event-listener.js';
export { EventLog, type LogEntry, type LogFollower, type LogPage } from './event-log.js';
export { EventMesh, type MeshStats, type Replay, type ReplayedEvent } from './event-mesh.js';
export { HandlerExplorer } from './handler-explorer.js';
export { InMemoryEventLog } from './in-memory-event-log.js';
export { OnSemanticEvent } from './on-semantic-event.decorator.js';
export { SubscriptionHub } from './subscription-hub.js';
