import type { Code } from '../protocol/index.js';

/** Something that all nodes are to close. */
export interface Revocation {
  /** What `id` names: a connection, a user, or the session of a token. */
  readonly kind: 'client' | 'user' | 'session';
  readonly id: string;
  readonly code: Code;
  /** When it was revoked, in milliseconds since the Unix epoch: what came later is not meant. */
  readonly at: number;
  /** Until when tokens of a session are to be refused, in milliseconds since the Unix epoch. */
  readonly until?: number;
}

/** Tells the other nodes of an application whom to disconnect: the port behind log-out everywhere. */
export abstract class RevocationBus {
  /** Has the other nodes learn of a revocation, now or as soon as they can be reached. */
  abstract publish(revocation: Revocation): void;

  /** Has somebody called for each revocation of another node, those missed while cut off included. */
  abstract subscribe(listener: (revocation: Revocation) => void): void;
}

/** The bus of an application that is one process. */
export class SingleNodeRevocationBus extends RevocationBus {
  publish(): void {
    // There is nobody else to tell.
  }

  subscribe(): void {
    // There is nobody else to hear from.
  }
}
