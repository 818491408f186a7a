import type { IncomingMessage } from 'node:http';
import {
  checkTicketRoute,
  type ClientUser,
  Problems,
  type TicketRequest,
  type TicketRouteOptions,
} from '../options/index.js';
import { isClientUser } from './is-client-user.js';

/** DI token of the options of the ticket route that is mounted; null when none is. */
export const TICKET_ROUTE = Symbol('TICKET_ROUTE');

/** @throws SemanticEventsConfigError naming every problem */
export function assertTicketRoute(route: TicketRouteOptions): void {
  const problems = new Problems();
  checkTicketRoute('auth.ticketRoute', route, problems);
  problems.throwIfAny();
}

/** Who a request for a ticket is from, as far as the guard has told. */
export function requestingUser(
  { toUser }: TicketRouteOptions,
  request: TicketRequest,
): ClientUser | undefined {
  const user: unknown = toUser ? toUser(request) : publicUserOf(request);
  return isClientUser(user) ? user : undefined;
}

/** The request as Node knows it: Express extends it, Fastify keeps it aside. */
export function incomingOf(request: object): IncomingMessage {
  return 'raw' in request ? (request.raw as IncomingMessage) : (request as IncomingMessage);
}

/** What a client may read of itself. What else a Passport strategy put there, such as a password hash, is not. */
function publicUserOf({ user }: TicketRequest): ClientUser | undefined {
  if (!isClientUser(user)) return undefined;
  const { id, roles, sessionId, expiresAt } = user;
  return { id, roles, sessionId, expiresAt };
}
