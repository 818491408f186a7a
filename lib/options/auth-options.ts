import type { ClientUser, Handshake } from './client-user.js';
import { DEFAULTS } from './defaults.js';
import { checkJwt, type JwtAuthOptions } from './jwt-options.js';
import { checkOidc, type OidcAuthOptions } from './oidc-options.js';
import type { Problems } from './problems.js';
import { checkTicketRoute, type TicketRouteOptions } from './ticket-route-options.js';

/**
 * Returns the user of a token, or null to reject the token. To reject it with a code, throw a `RefusalError`. If it throws another
 * error, the client receives `UNAVAILABLE`. The log names that error without its message, which may contain the token.
 */
export type ValidateToken = (
  token: string,
  handshake: Handshake,
) => ClientUser | null | undefined | Promise<ClientUser | null | undefined>;

interface CommonAuthOptions {
  /** The time from connecting until the client must be authenticated, in milliseconds. @default 10_000 */
  timeout?: number;
  /** The maximum length of a session, even if its token is valid longer, in milliseconds. @default 86_400_000 */
  maxSessionAge?: number;
  /** How long a ticket may be redeemed, in milliseconds. @default 30_000 */
  ticketLifetime?: number;
  /** How often an address may fail to authenticate. @default { rate: 5, per: 60_000, burst: 10 } */
  attempts?: Partial<AttemptLimit>;
  /** Mounts `POST /auth/ticket`. With `forRootAsync`, put it next to `useFactory`. */
  ticketRoute?: TicketRouteOptions;
}

/** A token bucket of attempts. A successful attempt returns its token. */
export interface AttemptLimit {
  /** Failed attempts per period, in the long run. */
  rate: number;
  /** The period, in milliseconds. */
  per: number;
  /** Failed attempts at once. */
  burst: number;
}

/** One of `jwt`, `oidc` and `validateToken`. */
export type AuthOptions = CommonAuthOptions &
  (
    | { jwt: JwtAuthOptions; oidc?: undefined; validateToken?: undefined }
    | { oidc: OidcAuthOptions; jwt?: undefined; validateToken?: undefined }
    | { validateToken: ValidateToken; jwt?: undefined; oidc?: undefined }
  );

/** The maximum number of characters in a token or ticket. */
export const MAX_TOKEN_LENGTH = 8_192;

export function checkAuth(options: AuthOptions, problems: Problems): void {
  const known = ['jwt', 'oidc', 'validateToken', 'ticketRoute', ...Object.keys(DEFAULTS.auth)];
  if (!problems.unknown('auth', options, known)) return;
  problems.delay('auth.timeout', options.timeout);
  problems.integer('auth.maxSessionAge', options.maxSessionAge, { min: 1_000 });
  problems.integer('auth.ticketLifetime', options.ticketLifetime, { min: 1_000 });
  problems.fn('auth.validateToken', options.validateToken);
  const { jwt, oidc, validateToken } = options;
  if ([jwt, oidc, validateToken].filter(way => way !== undefined).length !== 1)
    problems.add('auth', 'must have exactly one of jwt, oidc and validateToken');
  if (options.jwt !== undefined) checkJwt(options.jwt, problems);
  if (options.oidc !== undefined) checkOidc(options.oidc, problems);
  if (options.attempts !== undefined) checkAttempts(options.attempts, problems);
  if (options.ticketRoute !== undefined)
    checkTicketRoute('auth.ticketRoute', options.ticketRoute, problems);
}

function checkAttempts(attempts: Partial<AttemptLimit>, problems: Problems): void {
  const known = Object.keys(DEFAULTS.auth.attempts);
  if (!problems.unknown('auth.attempts', attempts, known)) return;
  problems.positive('auth.attempts.rate', attempts.rate);
  problems.positive('auth.attempts.per', attempts.per);
  problems.integer('auth.attempts.burst', attempts.burst, { min: 1 });
}
