import { SemanticEventsError } from '../protocol/index.js';

/** A ticket was to be issued for something that is no user, or for more than a ticket holds. */
export class TicketUserError extends SemanticEventsError {
  override readonly name = 'TicketUserError';
  readonly code = 'INVALID_TICKET_USER';
}
