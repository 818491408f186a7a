import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
} from '@nestjs/common';
import { ClientAddressResolver } from '../connection/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { HANDSHAKE_CODES, TLS_UPGRADE } from '../protocol/index.js';
import { incomingOf } from './ticket-route.js';

/**
 * Refuses HTTP requests that came in the clear, where `connection.requireTls` is on: for routes that take or give
 * passwords, tokens and tickets. What was sent has been seen already; who sent it learns not to again.
 *
 * @throws HttpException 426 `{"code":"TLS_REQUIRED","message"}`, as handshakes are refused
 */
@Injectable()
export class TlsGuard implements CanActivate {
  private readonly addresses: ClientAddressResolver;

  constructor(@Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions) {
    this.addresses = new ClientAddressResolver(options.connection.trustProxy);
  }

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = incomingOf(http.getRequest<object>());
    if (!this.options.connection.requireTls || this.addresses.isSecure(request)) return true;
    const { status, message } = HANDSHAKE_CODES.TLS_REQUIRED;
    // Express and Fastify have it alike.
    http
      .getResponse<{ header(name: string, value: string): unknown }>()
      .header('Upgrade', TLS_UPGRADE);
    throw new HttpException({ code: 'TLS_REQUIRED', message }, status);
  }
}
