export type { Abortable } from './abort.js';
export {
  type ClientCode,
  type ClientErrorDetails,
  SemanticEventsClientError,
} from './client-error.js';
export type { ClientCrypto } from './client-crypto.js';
export type { ClientEvents, ClientState, StateChange } from './client-events.js';
export {
  CLIENT_DEFAULTS,
  type GetToken,
  type SemanticEventsClientOptions,
} from './client-options.js';
export type { ClientClock } from './clock.js';
export type { ClientSession } from './connection.js';
export type { EventsOf, EventType, Matching, ReplyTo, TypedEvent } from './event-map.js';
export {
  canonicalize,
  type Direction,
  type SignatureOptions,
  signEvent,
  type SigningKey,
  verifyEvent,
} from './event-signature.js';
export type { EventStream } from './event-stream.js';
export {
  type EmitOptions,
  type EventAttributes,
  type RequestOptions,
  SemanticEventsClient,
  type SignalOptions,
  type SubscribeOptions,
} from './semantic-events-client.js';
export { overSocketIo, type SocketIoSocket } from './socket-io.js';
export type { Unsubscribe } from './subscriptions.js';
export type { WakeSource } from './wake-source.js';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.js';
export type { SemanticEvent } from '../event/semantic-event.js';
