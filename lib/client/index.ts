export {
  type ClientCode,
  type ClientErrorDetails,
  SemanticEventsClientError,
} from './client-error.js';
export type { ClientEvents, ClientState, StateChange } from './client-events.js';
export {
  CLIENT_DEFAULTS,
  type GetToken,
  type SemanticEventsClientOptions,
} from './client-options.js';
export type { ClientClock } from './clock.js';
export type { ClientSession } from './connection.js';
export type { EventType, Matching, ReplyTo, TypedEvent } from './event-map.js';
export type { EventStream } from './event-stream.js';
export {
  type EmitOptions,
  type EventAttributes,
  type RequestOptions,
  SemanticEventsClient,
} from './semantic-events-client.js';
export type { Unsubscribe } from './subscriptions.js';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.js';
export type { SemanticEvent } from '../event/semantic-event.js';
export { SemanticEventsConfigError } from '../protocol/errors.js';
