import type { SemanticEvent } from '../event/semantic-event.js';
import type { SemanticEventsClientError } from './client-error.js';

/**
 * The state of a client:
 * - `idle` before `connect()` and after `disconnect()`
 * - `waiting` between two attempts to connect
 * - `closed` after `close()`, and after a rejection that a retry cannot change
 */
export type ClientState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed';

export interface StateChange {
  readonly state: ClientState;
  /** The reason, if the state is `waiting` or `closed`. */
  readonly error?: SemanticEventsClientError;
  /** The time until the next attempt, in milliseconds. */
  readonly retryIn?: number;
}

/** The events of a client, for `on()`. */
export interface ClientEvents {
  state: StateChange;
  /**
   * A failure that rejects no promise: a lost connection, a rejected event of `emit()`, or an event without a
   * valid signature.
   */
  error: SemanticEventsClientError;
  /** The server no longer stores all events of these patterns: some may be lost. */
  gap: { readonly patterns: readonly string[] };
  /** A verified event that no request waits for, such as the reply to an event of `emit()`. */
  event: SemanticEvent;
}
