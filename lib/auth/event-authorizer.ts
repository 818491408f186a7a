import type { Client } from '../connection/index.js';
import type { SemanticEvent } from '../event/index.js';

/**
 * Decides what a client may send and listen to, whatever handler it is for. Provide a class of your own under
 * this token to take the place of the default.
 *
 * Anything but true, at once or by a promise, forbids; so does throwing.
 */
export abstract class EventAuthorizer {
  /** Whether a client may send an event. The event is valid; its signature has not been looked at yet. */
  abstract canPublish(client: Client, event: SemanticEvent): boolean | Promise<boolean>;

  /** Whether a client may receive what matches a pattern of event types. */
  abstract canSubscribe(client: Client, pattern: string): boolean | Promise<boolean>;
}
