import type { Client } from '../connection/index.js';
import type { SemanticEvent } from '../event/index.js';

/**
 * Whether a client may subscribe to a pattern. `since` limits the right to events after a time or a cursor of the mesh. A
 * client that resumes receives no earlier events. With `true` the right begins when the user first uses it.
 */
export type SubscribeDecision = boolean | { readonly since: Date | string };

/**
 * Decides which events a client may send and receive, independent of handlers. To replace the default, provide your own
 * class under this token.
 *
 * Any result that is not declared here forbids the action. If a method throws, rejects or does not answer within
 * `auth.timeout`, the client receives `UNAVAILABLE` and retries.
 */
export abstract class EventAuthorizer {
  /** Returns whether a client may send an event. The event is valid, but its signature is not verified yet. */
  abstract canPublish(client: Client, event: SemanticEvent): boolean | Promise<boolean>;

  /** Returns whether a client may receive the broadcast events that match a pattern. */
  abstract canSubscribe(
    client: Client,
    pattern: string,
  ): SubscribeDecision | Promise<SubscribeDecision>;

  /**
   * Returns whether a client may join a room, and from when on it receives the events of the room. By default every room is
   * forbidden.
   */
  canJoin(_client: Client, _room: string): SubscribeDecision | Promise<SubscribeDecision> {
    return false;
  }
}
