export {
  type Closes,
  type Code,
  CODES,
  factsOf,
  HANDSHAKE_CODES,
  type HandshakeCode,
  type Retry,
  TLS_UPGRADE,
} from './codes.js';
export {
  type Reason,
  RefusalError,
  RefusedCallError,
  InvalidArgumentError,
  callError,
  isInstance,
  type RefusalErrorDetails,
  SemanticEventsConfigError,
  SemanticEventsError,
  textOf,
} from './errors.js';
export {
  type AuthSuccess,
  type ClientRejection,
  type ClientFrame,
  CLOUDEVENTS_PROTOCOL,
  decodeFrame,
  describeRefusal,
  encodeFrame,
  errorFrame,
  EVENT_ENVELOPE,
  exceptionFrame,
  NATIVE_PROTOCOL,
  type RefusalDetails,
  type SubscriptionMembers,
  type ServerFrame,
  type Subprotocol,
} from './frames.js';
export {
  messageData,
  ReservedFrameError,
  reservedFrameIn,
  reservedMessage,
} from './reserved-frames.js';
export { normalizeOrigin, validateOrigin } from './origin.js';
