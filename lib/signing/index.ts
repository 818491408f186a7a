export { type BroadcastKey, BroadcastSigner } from './broadcast-signer.js';
export { canonicalize } from './canonicalize.js';
export {
  type AcceptedKeys,
  EventSigner,
  type SignOptions,
  type VerifyOptions,
} from './event-signer.js';
export type { RingKey, SigningKey } from './key-ring.js';
export { ReplySigner } from './reply-signer.js';
export { SignReplyInterceptor } from './sign-reply.interceptor.js';
export { broadcastInput, type Direction, signatureFor } from './signature.js';
export { SignedEvent } from './signed-event.decorator.js';
export { SignedEventGuard, type SignedEventOptions } from './signed-event.guard.js';
