import type { IncomingHttpHeaders } from 'node:http';
import type { CanActivate, Type } from '@nestjs/common';
import type { ClientUser } from './client-user.js';
import type { Problems } from './problems.js';

/** The members of an HTTP request that the library reads, on every platform. */
export interface TicketRequest {
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The logged-in user, as guards set it. */
  readonly user?: unknown;
}

/** A route that issues a ticket for a WebSocket to a user who logged in over HTTP. */
export interface TicketRouteOptions {
  /** @default 'auth/ticket' */
  path?: string;
  /**
   * Authenticates the request and sets `request.user`. If a module of the application provides or uses this guard, that
   * instance is used. Otherwise the module of this library creates it.
   */
  guard: Type<CanActivate>;
  /**
   * The binding of a ticket. `true`: the origin of the request, and its address (IPv6: its /64). A host with both IPv4
   * and IPv6 may request it over one and connect over the other, so addresses of different families match. `'strict'`: those do
   * not match. `false`: nothing. @default true
   */
  bind?: boolean | 'strict';
  /**
   * Returns the user of the ticket. The client can read everything that it returns. The default takes only `id`, `roles`,
   * `sessionId`, `issuedAt` and `expiresAt` of `request.user`.
   */
  toUser?: (request: TicketRequest) => ClientUser;
}

/** @param path the name of the options in error messages */
export function checkTicketRoute(
  path: string,
  route: TicketRouteOptions,
  problems: Problems,
): void {
  if (!problems.unknown(path, route, ['path', 'guard', 'bind', 'toUser'])) return;
  problems.text(`${path}.path`, route.path);
  problems.oneOf(`${path}.bind`, route.bind, [true, 'strict', false]);
  problems.fn(`${path}.toUser`, route.toUser);
  if (typeof (route.guard as unknown) !== 'function')
    problems.add(`${path}.guard`, 'must be a guard: without one anybody could get tickets');
}
