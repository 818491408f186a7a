import type { IncomingHttpHeaders } from 'node:http';

/** The user of a client: any object with an `id`, as Passport strategies return it. */
export interface ClientUser {
  readonly id: string | number;
  readonly roles?: readonly string[];
  /** Names the session, for log-out: the token's `sid` claim, else its `jti`. */
  readonly sessionId?: string;
  /**
   * When the token was issued, in milliseconds since the Unix epoch: the `iat` claim of a JWT or OIDC token, which has whole
   * seconds. `SessionRegistry.endUser` compares it with the time of the log-out.
   */
  readonly issuedAt?: number;
  /** When the session ends, in milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
}

/** The facts that the handshake of a connection provides. */
export interface Handshake {
  /** The client's IP address. */
  readonly address: string;
  readonly origin?: string;
  readonly url: string;
  /** The headers of the request, without those of the WebSocket upgrade, such as `Upgrade`. */
  readonly headers: Readonly<IncomingHttpHeaders>;
}
