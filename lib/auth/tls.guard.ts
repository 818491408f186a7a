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
 * Rejects unencrypted HTTP requests if `connection.requireTls` is on. Use it for routes that receive or return passwords,
 * tokens and tickets. The request was already readable on the network, but the client learns not to send another one.
 *
 * @throws HttpException 426 `{"code":"TLS_REQUIRED","message"}`, the same as for handshakes
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
    // Express and Fastify both have this method.
    http
      .getResponse<{ header(name: string, value: string): unknown }>()
      .header('Upgrade', TLS_UPGRADE);
    throw new HttpException({ code: 'TLS_REQUIRED', message }, status);
  }
}
