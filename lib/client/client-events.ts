import type { SemanticEvent } from '../event/semantic-event.js';
import type { SemanticEventsClientError } from './client-error.js';

/** `idle` before `connect()`; `waiting` between attempts; `closed` for good. */
export type ClientState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed';

export interface StateChange {
  readonly state: ClientState;
  /** Why it is `waiting` or `closed`. */
  readonly error?: SemanticEventsClientError;
  /** When the next attempt follows, in milliseconds. */
  readonly retryIn?: number;
}

/** What a client tells whoever listens with `on`. */
export interface ClientEvents {
  state: StateChange;
  /** What goes wrong and rejects no request: lost connections, refusals of what was emitted, events that are not signed. */
  error: SemanticEventsClientError;
  /** Events of these patterns may have been lost: the server does not have them any more. */
  gap: { readonly patterns: readonly string[] };
  /** A verified event that nobody has asked for, such as the reply to what was emitted. */
  event: SemanticEvent;
}
