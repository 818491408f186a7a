export { handshakeOf } from './handshake-of.js';
export {
  type Admission,
  HandshakePolicy,
  type HandshakeRefusal,
  type Lifetime,
} from './handshake-policy.js';
export { answerTo, malformedHandshake, refuseUpgrade } from './handshake-refusal.js';
export { HttpServerGuard } from './http-server-guard.js';
export { requestedPath } from './requested-path.js';
