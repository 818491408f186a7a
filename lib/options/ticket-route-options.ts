import type { IncomingHttpHeaders } from 'node:http';
import type { CanActivate, Type } from '@nestjs/common';
import type { ClientUser } from './client-user.js';
import type { Problems } from './problems.js';

/** What is read of an HTTP request, whatever the platform. */
export interface TicketRequest {
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Where guards put who is logged in. */
  readonly user?: unknown;
}

/** A route by which whoever is logged in over HTTP gets a ticket for a WebSocket. */
export interface TicketRouteOptions {
  /** @default 'auth/ticket' */
  path?: string;
  /**
   * Decides who is logged in, and puts them into `request.user`. Taken from whatever module of the application
   * provides or uses it, else made by the module of this library.
   */
  guard: Type<CanActivate>;
  /** Whether a ticket is worth something only from the origin and address of the request. @default true */
  bind?: boolean;
  /**
   * Who the ticket is for. Whatever it returns can be read by the client, which is why the default takes
   * `id`, `roles`, `sessionId` and `expiresAt` of `request.user`, and nothing else.
   */
  toUser?: (request: TicketRequest) => ClientUser;
}

/** @param path what the options are called in the complaint */
export function checkTicketRoute(
  path: string,
  route: TicketRouteOptions,
  problems: Problems,
): void {
  if (!problems.unknown(path, route, ['path', 'guard', 'bind', 'toUser'])) return;
  problems.text(`${path}.path`, route.path);
  problems.boolean(`${path}.bind`, route.bind);
  problems.fn(`${path}.toUser`, route.toUser);
  if (typeof (route.guard as unknown) !== 'function')
    problems.add(`${path}.guard`, 'must be a guard: without one anybody could get tickets');
}
