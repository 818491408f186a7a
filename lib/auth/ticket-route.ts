import type { IncomingMessage } from 'node:http';
import {
  checkTicketRoute,
  type ClientUser,
  Problems,
  type TicketRequest,
  type TicketRouteOptions,
} from '../options/index.js';
import { isClientUser } from './is-client-user.js';

/** DI token of the options of the ticket route; null if there is no ticket route. */
export const TICKET_ROUTE = Symbol('TICKET_ROUTE');

/** Validates the options of the ticket route. @throws SemanticEventsConfigError naming every problem */
export function assertTicketRoute(route: TicketRouteOptions): void {
  const problems = new Problems();
  checkTicketRoute('auth.ticketRoute', route, problems);
  problems.throwIfAny();
}

/** Returns the user of a ticket request, if the guard has set one. */
export function requestingUser(
  { toUser }: TicketRouteOptions,
  request: TicketRequest,
): ClientUser | undefined {
  const user: unknown = toUser ? toUser(request) : publicUserOf(request);
  return isClientUser(user) ? user : undefined;
}

/** Returns the request of Node: Express extends it, Fastify keeps it in `raw`. */
export function incomingOf(request: object): IncomingMessage {
  return 'raw' in request ? (request.raw as IncomingMessage) : (request as IncomingMessage);
}

/** Returns the members of a user that the client may read. Other members, such as a password hash, stay on the server. */
function publicUserOf({ user }: TicketRequest): ClientUser | undefined {
  if (!isClientUser(user)) return undefined;
  const { id, roles, sessionId, issuedAt, expiresAt } = user;
  return { id, roles, sessionId, issuedAt, expiresAt };
}
