import {
  Controller,
  Header,
  Inject,
  Logger,
  Post,
  Req,
  type Type,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { ClientAddressResolver } from '../connection/index.js';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type TicketRequest,
  type TicketRouteOptions,
} from '../options/index.js';
import { assertTicketRoute, incomingOf, requestingUser } from './ticket-route.js';
import { TicketRouteGuard } from './ticket-route.guard.js';
import { TicketThrottlerGuard } from './ticket-throttler.guard.js';
import { TicketService } from './ticket.service.js';
import { TlsGuard } from './tls.guard.js';

/**
 * The controller that gives out tickets, at the path and behind the guard of the options.
 *
 * @throws SemanticEventsConfigError when the options make no sense
 */
export function ticketControllerFor(route: TicketRouteOptions): Type {
  assertTicketRoute(route);

  @Controller(route.path ?? 'auth/ticket')
  @UseGuards(TlsGuard, TicketRouteGuard, TicketThrottlerGuard)
  class TicketController {
    private readonly logger = new Logger(TicketController.name);
    private readonly addresses: ClientAddressResolver;

    constructor(
      private readonly tickets: TicketService,
      @Inject(SEMANTIC_EVENTS_OPTIONS) { connection }: ResolvedOptions,
    ) {
      this.addresses = new ClientAddressResolver(connection.trustProxy);
    }

    @Post()
    @Header('Cache-Control', 'no-store')
    issue(@Req() request: TicketRequest): { ticket: string; expires_in: number } {
      const user = requestingUser(route, request);
      if (!user) {
        this.logger.error('The guard of the ticket route let a request pass without a user');
        throw new UnauthorizedException();
      }
      const { ticket, expiresIn } = this.tickets.issue(user, this.bindingOf(request));
      return { ticket, expires_in: expiresIn / 1000 };
    }

    private bindingOf(request: TicketRequest) {
      if (route.bind === false) return {};
      const incoming = incomingOf(request);
      return { origin: incoming.headers.origin, address: this.addresses.addressOf(incoming) };
    }
  }

  return TicketController;
}
