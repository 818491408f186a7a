import type { MaybePromise } from '../maybe-promise.js';
import type { ClientUser } from '../options/index.js';
import type { Code } from '../protocol/index.js';

/** A user, session or connection that all nodes must close. */
export interface Revocation {
  /** The kind of `id`: a connection, a user, or the session of a token. */
  readonly kind: 'client' | 'user' | 'session';
  readonly id: string;
  readonly code: Code;
  /** When it was revoked, in milliseconds since the Unix epoch. Later connections stay open. */
  readonly at: number;
  /** If it is a log-out: when its tokens need not be refused any more, in milliseconds since the Unix epoch. */
  readonly until?: number;
}

/**
 * A revocation after which tokens are refused: all tokens of a session, or those of a user that were issued at or before
 * `at`.
 */
export interface LogOut extends Revocation {
  readonly kind: 'user' | 'session';
  readonly until: number;
}

export function isLogOut(revocation: Revocation): revocation is LogOut {
  return revocation.until !== undefined && revocation.kind !== 'client';
}

/** Returns whether the token of a user was issued after a log-out. In doubt it was not: a token may have no issue time. */
export function isIssuedAfter({ issuedAt }: Pick<ClientUser, 'issuedAt'>, at: number): boolean {
  return issuedAt !== undefined && issuedAt > at;
}

/** The port that sends disconnects to the other nodes of an application, so that a log-out takes effect everywhere. */
export abstract class RevocationBus {
  /** By how much the clock of another node may be ahead of the clock of this node, in milliseconds. */
  get clockLead(): number {
    return 0;
  }

  /** Sends a revocation to the other nodes, at once or as soon as they can be reached. */
  abstract publish(revocation: Revocation): void;

  /** Calls a listener for each revocation of another node, also for those missed during an outage. */
  abstract subscribe(listener: (revocation: Revocation) => void): void;

  /** Calls a listener when revocations of other nodes may have been missed. */
  onGap(_listener: () => void): void {
    // By default a bus misses no revocation.
  }

  /**
   * Returns the `at` of the latest log-out of a session or user on any node, for a client that authenticates now;
   * undefined if there is none, or if its `until` has passed.
   */
  loggedOutAt(_kind: LogOut['kind'], _id: string): MaybePromise<number | undefined> {
    return undefined;
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
