import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import {
  addressGroup,
  ClientAddressResolver,
  ConnectionManager,
  type ConnectionSlot,
} from '../connection/index.js';
import {
  type GatewayConnectionOptions,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { type HandshakeCode, validateOrigin } from '../protocol/index.js';
import { RateLimiter, type TokenBucketOptions } from '../rate-limit/index.js';

/** When trying again makes sense where no limit says so by itself, in milliseconds. */
const RETRY_AFTER = 5_000;

export interface Admission {
  readonly address: string;
  readonly slot: ConnectionSlot;
  /** To be called by whoever gives the place back from here on. */
  readonly takeOver: () => void;
}

export interface HandshakeRefusal {
  readonly code: HandshakeCode;
  /** Milliseconds. */
  readonly retryAfter?: number;
}

/** How long an admission takes up its place: a TCP connection, or what stands for one. */
export interface Lifetime {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** Decides which handshakes may become connections: the cheapest check first, a place taken last. */
@Injectable()
export class HandshakePolicy {
  private readonly addresses: ClientAddressResolver;
  private readonly attempts: TokenBucketOptions;
  private isClosed = false;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly limiter: RateLimiter,
    private readonly connections: ConnectionManager,
  ) {
    const { trustProxy, connectRate, connectBurst } = options.connection;
    this.addresses = new ClientAddressResolver(trustProxy);
    this.attempts = { rate: connectRate, burst: connectBurst };
  }

  async admit(
    request: IncomingMessage,
    gateway: Pick<GatewayConnectionOptions, 'origins'>,
    lifetime: Lifetime = request.socket,
  ): Promise<Admission | HandshakeRefusal> {
    const { requireTls, allowNoOrigin } = this.options.connection;
    if (this.isClosed) return { code: 'SERVER_FULL', retryAfter: RETRY_AFTER };
    if (requireTls && !this.addresses.isSecure(request)) return { code: 'TLS_REQUIRED' };
    if (!validateOrigin(request.headers.origin, gateway.origins, { allowNoOrigin }))
      return { code: 'ORIGIN_REJECTED' };

    const address = this.addresses.addressOf(request);
    const attempt = await this.limiter.take(`connect:${addressGroup(address)}`, this.attempts);
    if (!attempt.allowed) return { code: 'TOO_MANY_CONNECTIONS', retryAfter: attempt.retryAfter };

    const slot = await this.connections.reserve(address);
    if (typeof slot === 'string') return { code: slot, retryAfter: RETRY_AFTER };
    return this.take(slot, address, lifetime);
  }

  private take(
    slot: ConnectionSlot,
    address: string,
    lifetime: Lifetime,
  ): Admission | HandshakeRefusal {
    const release = () => {
      slot.release();
    };
    // The shutdown may have begun while the store was asked.
    if (this.isClosed) {
      release();
      return { code: 'SERVER_FULL', retryAfter: RETRY_AFTER };
    }
    // From here on the place is taken until the TCP connection is gone, whatever becomes of the handshake.
    if (lifetime.destroyed) release();
    else lifetime.once('close', release);
    return { address, slot, takeOver: () => lifetime.off('close', release) };
  }

  /** Who a handshake comes from. */
  addressOf(request: IncomingMessage): string {
    return this.addresses.addressOf(request);
  }

  /** Refuses everybody from here on. */
  close(): void {
    this.isClosed = true;
  }
}
