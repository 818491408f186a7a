import type { Code, HandshakeCode } from '../protocol/index.js';

/** The members of every security event. Text that a client may have chosen is escaped and cut. */
interface SecurityFacts {
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** The client address, in the form that `monitoring.address` sets; undefined if there is none to show. */
  readonly address?: string;
}

/** Additional members of an event of one connection. */
interface ConnectionFacts extends SecurityFacts {
  readonly clientId: string;
  /** The authenticated user; undefined before authentication. */
  readonly userId?: string;
  /** The path of the gateway; undefined on a stock adapter. */
  readonly path?: string;
}

interface Explained {
  /** The reason, for operators. The client receives it only if `errors` is `'verbose'`. */
  readonly reason?: string;
}

/** The server refused a frame or message of a client. */
export interface RefusedEvent extends ConnectionFacts, Explained {
  readonly kind: 'refused';
  readonly code: Code;
  /** The type of the event, or the name of the message, if known. */
  readonly eventType?: string;
}

/** The server closed a connection. */
export interface ClosedEvent extends ConnectionFacts, Explained {
  readonly kind: 'closed';
  readonly code: Code;
}

/** The server dropped a client that did not answer a ping in time. */
export interface LostEvent extends ConnectionFacts {
  readonly kind: 'lost';
}

/** A client authenticated, or renewed its session. */
export interface AuthenticatedEvent extends ConnectionFacts {
  readonly kind: 'authenticated';
}

/** The server refused a handshake. */
export interface HandshakeRefusedEvent extends SecurityFacts, Explained {
  readonly kind: 'handshakeRefused';
  readonly code: HandshakeCode;
  readonly path: string;
  /** The `Origin` header. */
  readonly origin?: string;
}

/** An attempt to authenticate failed, over WebSocket or in other code that uses `AuthAttempts`. */
export interface AttemptFailedEvent extends SecurityFacts, Explained {
  readonly kind: 'attemptFailed';
  /** The user of the attempt, if it named one. */
  readonly userTried?: string;
}

/** Too many attempts to authenticate failed. */
export interface AttemptsExhaustedEvent extends SecurityFacts {
  readonly kind: 'attemptsExhausted';
  readonly code: 'RATE_LIMITED';
  readonly userTried?: string;
}

/** A session, or every session of a user, was ended before its expiry, for example by a log-out. */
export interface SessionEndedEvent extends SecurityFacts {
  readonly kind: 'sessionEnded';
  /** The number of connections that were closed. */
  readonly connections: number;
}

/** A store failed, or answers again. */
export interface StoreEvent extends SecurityFacts {
  readonly kind: 'storeDown' | 'storeUp';
  /** The content of the store, such as `nonces`. */
  readonly store: string;
}

/** The function `signing.keys` returned a new key ring, which is now in use. */
export interface KeysRotatedEvent extends SecurityFacts {
  readonly kind: 'keysRotated';
  /** The number of keys in the ring. */
  readonly keys: number;
}

/** The key ring could not be read again. The old one stays in use. */
export interface KeyRefreshFailedEvent extends SecurityFacts, Explained {
  readonly kind: 'keyRefreshFailed';
}

/** A security event for operators. It never contains a token, ticket, key, signature, nonce or data. */
export type SecurityEvent =
  | RefusedEvent
  | ClosedEvent
  | LostEvent
  | AuthenticatedEvent
  | HandshakeRefusedEvent
  | AttemptFailedEvent
  | AttemptsExhaustedEvent
  | SessionEndedEvent
  | StoreEvent
  | KeysRotatedEvent
  | KeyRefreshFailedEvent;

/** The source of a security event; a `Client` is one. */
export interface SecuritySubject {
  readonly id: string;
  readonly address: string;
  readonly user?: { readonly id: string | number };
}
