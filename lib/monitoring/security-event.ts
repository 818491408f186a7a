import type { Code, HandshakeCode } from '../protocol/index.js';

/** What every security event tells. All text a peer may have chosen is escaped and cut. */
interface SecurityFacts {
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** The peer's address, in the form `monitoring.address` says; undefined where there is none to tell. */
  readonly address?: string;
}

/** What an event of one connection tells besides. */
interface ConnectionFacts extends SecurityFacts {
  readonly clientId: string;
  /** Who the client has proved to be; undefined before authentication. */
  readonly userId?: string;
  /** The path of the gateway; undefined on a stock adapter. */
  readonly path?: string;
}

/** Something a client sent was refused. */
export interface RefusedEvent extends ConnectionFacts {
  readonly kind: 'refused';
  readonly code: Code;
  /** The type of the event, or the name of the message, where that is known. */
  readonly eventType?: string;
}

/** The server closed a connection. */
export interface ClosedEvent extends ConnectionFacts {
  readonly kind: 'closed';
  readonly code: Code;
}

/** A peer that did not answer a ping in time was taken for dead. */
export interface LostEvent extends ConnectionFacts {
  readonly kind: 'lost';
}

/** A client proved who it is, or renewed its session. */
export interface AuthenticatedEvent extends ConnectionFacts {
  readonly kind: 'authenticated';
}

/** A handshake was refused before it became a connection. */
export interface HandshakeRefusedEvent extends SecurityFacts {
  readonly kind: 'handshakeRefused';
  readonly code: HandshakeCode;
  readonly path: string;
  /** The `Origin` header. */
  readonly origin?: string;
}

/** Somebody tried to authenticate in vain, over WebSocket or wherever else `AuthAttempts` is used. */
export interface AttemptFailedEvent extends SecurityFacts {
  readonly kind: 'attemptFailed';
  /** The user tried, where one was named. */
  readonly userTried?: string;
}

/** Somebody has tried to authenticate in vain too often. */
export interface AttemptsExhaustedEvent extends SecurityFacts {
  readonly kind: 'attemptsExhausted';
  readonly code: 'RATE_LIMITED';
  readonly userTried?: string;
}

/** A session was ended before its time, as by a log-out. */
export interface SessionEndedEvent extends SecurityFacts {
  readonly kind: 'sessionEnded';
  /** How many connections that closed. */
  readonly connections: number;
}

/** A store fails, or answers again. */
export interface StoreEvent extends SecurityFacts {
  readonly kind: 'storeDown' | 'storeUp';
  /** What the store keeps, such as `nonces`. */
  readonly store: string;
}

/** What an operator would want to know; never a token, ticket, key, signature, nonce or data. */
export type SecurityEvent =
  | RefusedEvent
  | ClosedEvent
  | LostEvent
  | AuthenticatedEvent
  | HandshakeRefusedEvent
  | AttemptFailedEvent
  | AttemptsExhaustedEvent
  | SessionEndedEvent
  | StoreEvent;

/** What is known of the peer of an event; a `Client` is one. */
export interface SecuritySubject {
  readonly id: string;
  readonly address: string;
  readonly user?: { readonly id: string | number };
}
