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
import { userProblem } from './is-client-user.js';
import { assertTicketRoute, incomingOf, requestingUser } from './ticket-route.js';
import { TicketRouteGuard } from './ticket-route.guard.js';
import { TicketLimitGuard } from './ticket-limit.guard.js';
import { TicketService } from './ticket.service.js';
import { TlsGuard } from './tls.guard.js';

/**
 * Creates the controller that issues tickets, at the path and with the guard of the options.
 *
 * @throws SemanticEventsConfigError if an option is invalid
 */
export function ticketControllerFor(route: TicketRouteOptions): Type {
  assertTicketRoute(route);

  @Controller(route.path ?? 'auth/ticket')
  @UseGuards(TlsGuard, TicketRouteGuard, TicketLimitGuard)
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
        const problem = userProblem(route.toUser ? undefined : request.user);
        this.logger.error(
          `The guard of auth.ticketRoute accepted a request without a valid user: ${problem}`,
        );
        throw new UnauthorizedException();
      }
      const { ticket, expiresIn } = this.tickets.issue(user, this.bindingOf(request));
      return { ticket, expires_in: expiresIn / 1000 };
    }

    private bindingOf(request: TicketRequest) {
      if (route.bind === false) return {};
      const incoming = incomingOf(request);
      return {
        origin: incoming.headers.origin,
        address: this.addresses.addressOf(incoming),
        isStrict: route.bind === 'strict',
      };
    }
  }

  return TicketController;
}
