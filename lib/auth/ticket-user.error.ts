import { SemanticEventsError } from '../protocol/index.js';

/** Thrown when a ticket is requested for an invalid user, or for a user too large for a ticket. */
export class TicketUserError extends SemanticEventsError {
  override readonly name = 'TicketUserError';
  readonly code = 'INVALID_TICKET_USER';
}
