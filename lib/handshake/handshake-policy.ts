import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import {
  ClientAddressResolver,
  ConnectionManager,
  type ConnectionSlot,
} from '../connection/index.js';
import { contained } from '../monitoring/index.js';
import {
  type GatewayConnectionOptions,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { type HandshakeCode, type Reason, validateOrigin } from '../protocol/index.js';
import { addressBuckets, RateLimiter, type TokenBucketOptions } from '../rate-limit/index.js';

/** The `Retry-After` of refusals without a time of their own, in milliseconds. */
const RETRY_AFTER = 5_000;

const TOO_FAST = 'connection.connectRate and connection.connectBurst';

export interface Admission {
  readonly address: string;
  readonly slot: ConnectionSlot;
  /** Call this to release the place yourself. Without it, the place is released when the lifetime ends. */
  readonly takeOver: () => void;
}

export interface HandshakeRefusal {
  readonly code: HandshakeCode;
  /** The reason, for operators. */
  readonly reason?: Reason;
  /** The time to wait, in milliseconds. */
  readonly retryAfter?: number;
  /** The HTTP status, if it is not the one of the code. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const SHUTTING_DOWN: HandshakeRefusal = {
  code: 'SERVER_FULL',
  retryAfter: RETRY_AFTER,
  reason: 'the application is shutting down',
};

/** The lifetime of an admission: a TCP connection, or a polling session. */
export interface Lifetime {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** Decides which handshakes may become connections. The cheapest check is first, and reserving a place is last. */
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
    if (this.isClosed) return SHUTTING_DOWN;
    if (requireTls && !this.addresses.isSecure(request))
      return { code: 'TLS_REQUIRED', reason: this.plainReason(request) };
    if (!validateOrigin(request.headers.origin, gateway.origins, { allowNoOrigin }))
      return {
        code: 'ORIGIN_REJECTED',
        reason: originProblem(request.headers.origin, gateway.origins),
      };

    const refusal = await this.attempt(request);
    if (refusal) return refusal;
    const address = this.addresses.addressOf(request);
    const slot = await this.connections.reserve(address);
    if (typeof slot === 'string')
      return { code: slot, retryAfter: RETRY_AFTER, reason: LIMIT_OF[slot] };
    return this.take(slot, address, lifetime);
  }

  /** Charges a connection attempt to its address. @returns the refusal; undefined if it is within the limit */
  async attempt(request: IncomingMessage): Promise<HandshakeRefusal | undefined> {
    const buckets = addressBuckets('handshakes', '', this.addresses.addressOf(request));
    const { allowed, retryAfter } = await this.limiter.takeAll(buckets, this.attempts);
    return allowed ? undefined : { code: 'TOO_MANY_CONNECTIONS', retryAfter, reason: TOO_FAST };
  }

  private take(
    slot: ConnectionSlot,
    address: string,
    lifetime: Lifetime,
  ): Admission | HandshakeRefusal {
    const release = contained(() => {
      slot.release();
    });
    // The shutdown may have begun during the request to the store.
    if (this.isClosed) {
      release();
      return SHUTTING_DOWN;
    }
    // The place stays reserved until the TCP connection is gone, even if the handshake fails.
    if (lifetime.destroyed) release();
    else lifetime.once('close', release);
    return { address, slot, takeOver: () => lifetime.off('close', release) };
  }

  private plainReason(request: IncomingMessage): string {
    const isNamed = request.headers['x-forwarded-proto'] !== undefined;
    if (this.addresses.isFromProxy(request))
      return isNamed
        ? 'the proxy sent another X-Forwarded-Proto than https or wss'
        : 'the proxy sent no X-Forwarded-Proto';
    return isNamed
      ? 'connection.trustProxy does not include this address, which sent X-Forwarded-Proto'
      : 'the connection is not encrypted (connection.requireTls)';
  }

  /** Returns the client address of a handshake. */
  addressOf(request: IncomingMessage): string {
    return this.addresses.addressOf(request);
  }

  /** Refuses all further handshakes. */
  close(): void {
    this.isClosed = true;
  }
}

const LIMIT_OF: Partial<Record<HandshakeCode, string>> = {
  TOO_MANY_CONNECTIONS: 'connection.maxConnectionsPerAddress',
  SERVER_FULL: 'connection.maxConnections',
};

function originProblem(origin: string | undefined, allowed: readonly string[]): string {
  return origin === undefined
    ? 'there is no Origin header (connection.allowNoOrigin is false)'
    : `the origin is not among connection.origins: ${allowed.join(', ') || '(none)'}`;
}
