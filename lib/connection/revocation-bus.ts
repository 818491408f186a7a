import type { MaybePromise } from '../maybe-promise.js';
import type { Code } from '../protocol/index.js';

/** A user, session or connection that all nodes must close. */
export interface Revocation {
  /** The kind of `id`: a connection, a user, or the session of a token. */
  readonly kind: 'client' | 'user' | 'session';
  readonly id: string;
  readonly code: Code;
  /** When it was revoked, in milliseconds since the Unix epoch. Later connections stay open. */
  readonly at: number;
  /** When tokens of the session need not be refused any more, in milliseconds since the Unix epoch. */
  readonly until?: number;
}

/** The port that sends disconnects to the other nodes of an application, so that a log-out takes effect everywhere. */
export abstract class RevocationBus {
  /** Sends a revocation to the other nodes, at once or as soon as they can be reached. */
  abstract publish(revocation: Revocation): void;

  /** Calls a listener for each revocation of another node, also for those missed during an outage. */
  abstract subscribe(listener: (revocation: Revocation) => void): void;

  /** Calls a listener when revocations of other nodes may have been missed. */
  onGap(_listener: () => void): void {
    // By default a bus misses no revocation.
  }

  /** Returns whether a session was ended on any node, for a client that authenticates now. */
  hasEnded(_sessionId: string): MaybePromise<boolean> {
    return false;
  }
}

/** The bus of an application with a single process. */
export class SingleNodeRevocationBus extends RevocationBus {
  publish(): void {
    // There is no other node.
  }

  subscribe(): void {
    // No other node sends a revocation.
  }
}
