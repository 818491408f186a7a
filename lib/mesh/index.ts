export { ClientSubscriptions } from './client-subscriptions.js';
export { type Audience, PUBLIC } from './audience.js';
export { ChannelHistory, type HistoryLimits, type HistoryPart } from './channel-history.js';
export {
  BEGINNING,
  cursorOf,
  hasReached,
  idOf,
  laterOf,
  MAX_NUMBER,
  parseCursor,
  type Place,
} from './cursor.js';
export { CursorSeal } from './cursor-seal.js';
export { EntrySeal } from './entry-seal.js';
export type { EventGroup, ClaimedEntries, ClaimedEntry } from './event-group.js';
export { EventFeed } from './event-feed.js';
export type { EventContext, EventHandler, EventHandlerOptions } from './event-listener.js';
export {
  EventLog,
  type LogEntry,
  type LogFollower,
  type LogPage,
  type LogQuery,
  type NewEntry,
} from './event-log.js';
export { MAX_RIGHTS } from './grants.js';
export { mergeParts } from './merge-parts.js';
export { EventMesh, type MeshStats, type Replay, type ReplayedEvent } from './event-mesh.js';
export { HandlerExplorer } from './handler-explorer.js';
export { InMemoryEventLog } from './in-memory-event-log.js';
export { OnSemanticEvent } from './on-semantic-event.decorator.js';
export { InMemoryRoomStore } from './in-memory-room-store.js';
export { type RoomChange, type RoomCount, type RoomMember, RoomStore } from './room-store.js';
export { SubscriptionHub } from './subscription-hub.js';
export type { SubscriptionOutlet } from './subscription.js';
