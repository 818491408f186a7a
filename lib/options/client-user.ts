import type { IncomingHttpHeaders } from 'node:http';
import { InvalidArgumentError } from '../protocol/index.js';

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

/** The longest id of a user or session, in characters. */
export const MAX_ID_LENGTH = 256;

/**
 * Returns whether a value is text that can be an id. A lone surrogate is not: several of them share one UTF-8 form, so a store
 * would mix up two users.
 */
export function isId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_ID_LENGTH &&
    value.isWellFormed()
  );
}

/** Returns whether a value can be the id of a user. A number that is not safe may be the id of another user. */
export function isUserId(value: unknown): value is string | number {
  return Number.isSafeInteger(value) || isId(value);
}

/**
 * Returns the id of a user as text, for a call of the application. With an id that no user has, a log-out would have no effect.
 *
 * @throws InvalidArgumentError
 */
export function givenUserId(value: unknown, call: string): string {
  if (isUserId(value)) return String(value);
  const problem = `userId must be a whole number, or a string of 1 to ${MAX_ID_LENGTH} characters`;
  throw new InvalidArgumentError(call, problem);
}

/** Returns the id of a session, for a call of the application. @throws InvalidArgumentError */
export function givenSessionId(value: unknown, call: string): string {
  if (isId(value)) return value;
  const problem = `sessionId must be a string of 1 to ${MAX_ID_LENGTH} characters`;
  throw new InvalidArgumentError(call, problem);
}
