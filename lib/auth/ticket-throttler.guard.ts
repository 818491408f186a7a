import { Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ThrottlerGuard } from '@nestjs/throttler';
import { addressGroup, ClientAddressResolver } from '../connection/index.js';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type TicketRequest,
  type TicketRouteOptions,
} from '../options/index.js';
import { SemanticEventsThrottlerStorage } from '../rate-limit/index.js';
import { incomingOf, requestingUser, TICKET_ROUTE } from './ticket-route.js';

/** Ten tickets at once, and five a minute in the long run. */
const LIMIT = [{ limit: 10, ttl: 120_000 }];

/**
 * Limits tickets per user, or per address where there is no user. It has its limit and storage from here, so
 * that it neither needs nor heeds a ThrottlerModule of the application.
 */
@Injectable()
export class TicketThrottlerGuard extends ThrottlerGuard {
  private readonly addresses: ClientAddressResolver;

  constructor(
    // Named, because Nest would go by the tokens the parent class names for its first parameters.
    @Inject(SemanticEventsThrottlerStorage) storage: SemanticEventsThrottlerStorage,
    @Inject(Reflector) reflector: Reflector,
    @Inject(SEMANTIC_EVENTS_OPTIONS) { connection }: ResolvedOptions,
    @Inject(TICKET_ROUTE) private readonly route: TicketRouteOptions,
  ) {
    super([...LIMIT], storage, reflector);
    this.addresses = new ClientAddressResolver(connection.trustProxy);
  }

  protected override getTracker(request: object): Promise<string> {
    const user = requestingUser(this.route, request as TicketRequest);
    const address = this.addresses.addressOf(incomingOf(request));
    return Promise.resolve(user ? `user:${user.id}` : `address:${addressGroup(address)}`);
  }
}
