export {
  type Closes,
  type Code,
  type CodeFacts,
  CODES,
  factsOf,
  HANDSHAKE_CODES,
  type HandshakeCode,
  type Retry,
} from './codes.js';
export { RefusalError, SemanticEventsConfigError, SemanticEventsError } from './errors.js';
export {
  type AuthSuccess,
  type ClientFrame,
  CLOUDEVENTS_PROTOCOL,
  decodeFrame,
  describeRefusal,
  encodeFrame,
  errorFrame,
  exceptionFrame,
  NATIVE_PROTOCOL,
  type RefusalDetails,
  type SubscriptionMembers,
  type ServerFrame,
  type Subprotocol,
} from './frames.js';
export { normalizeOrigin, validateOrigin } from './origin.js';
