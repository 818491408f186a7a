import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
} from '@nestjs/common';
import { addressGroup, ClientAddressResolver } from '../connection/index.js';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type TicketRequest,
  type TicketRouteOptions,
} from '../options/index.js';
import { CODES } from '../protocol/index.js';
import { RateLimiter, type TokenBucketOptions } from '../rate-limit/index.js';
import { incomingOf, requestingUser, TICKET_ROUTE } from './ticket-route.js';

/** The period in which a user may get tickets for all its allowed connections, in milliseconds. */
const PERIOD = 60_000;
const TOO_MANY_REQUESTS = 429;

/**
 * Limits tickets per user, or per address if the guard sets no user. A user gets `connection.maxConnectionsPerUser` tickets
 * at once and per minute, because after a restart all its pages reconnect together.
 *
 * @throws HttpException 429 with a `Retry-After` in seconds
 */
@Injectable()
export class TicketLimitGuard implements CanActivate {
  private readonly addresses: ClientAddressResolver;
  private readonly limit: TokenBucketOptions;

  constructor(
    private readonly limiter: RateLimiter,
    @Inject(SEMANTIC_EVENTS_OPTIONS) { connection }: ResolvedOptions,
    @Inject(TICKET_ROUTE) private readonly route: TicketRouteOptions,
  ) {
    this.addresses = new ClientAddressResolver(connection.trustProxy);
    const { maxConnectionsPerUser } = connection;
    this.limit = { rate: maxConnectionsPerUser, per: PERIOD, burst: maxConnectionsPerUser };
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const key = `tickets:${this.subjectOf(http.getRequest())}`;
    const { allowed, retryAfter } = await this.limiter.take({ table: 'http', key }, this.limit);
    if (allowed) return true;
    // Express and Fastify both have this method.
    http
      .getResponse<{ header(name: string, value: string): unknown }>()
      .header('Retry-After', `${Math.ceil(retryAfter / 1000)}`);
    const { message } = CODES.RATE_LIMITED;
    throw new HttpException({ code: 'RATE_LIMITED', message }, TOO_MANY_REQUESTS);
  }

  private subjectOf(request: object): string {
    const user = requestingUser(this.route, request as TicketRequest);
    if (user) return `user:${user.id}`;
    return `address:${addressGroup(this.addresses.addressOf(incomingOf(request)))}`;
  }
}
