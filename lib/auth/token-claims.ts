import { after, type MaybePromise } from '../maybe-promise.js';
import type { ClientUser, JwtClaims } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';

/** Options for converting the claims of a verified token to a user. */
export interface ClaimsMapping {
  /** The tolerated difference between clocks, in milliseconds. */
  readonly clockTolerance?: number;
  readonly toUser?: (claims: JwtClaims) => ClientUser | null | Promise<ClientUser | null>;
}

/**
 * Returns the user of verified claims; null if `toUser` returns none.
 *
 * @throws RefusalError `AUTH_FAILED` if `sub` or `exp` is missing
 */
export function userOf(
  verified: Record<string, unknown>,
  { clockTolerance = 0, toUser }: ClaimsMapping,
): MaybePromise<ClientUser | null> {
  const claims = completed(verified);
  const expiresAt = claims.exp * 1000 + clockTolerance;
  if (!toUser) return defaultUser(claims, expiresAt);
  return after(toUser(claims), user => user && withSession(user, claims, expiresAt));
}

/** The event of a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4). */
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * Rejects a logout token, which an issuer signs with the same key (RFC 8725, section 2.8). A stolen one would log its user in.
 *
 * @throws RefusalError `AUTH_FAILED`
 */
export function assertNoLogOut({ events }: Record<string, unknown>): void {
  if (typeof events === 'object' && events !== null && LOGOUT_EVENT in events)
    throw badToken('the token is a logout token');
}

/** Returns the `typ` of a token in lower case, without the prefix that it may have (RFC 7515, section 4.1.9). */
export function typeOf({ typ }: { typ?: unknown }): unknown {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
}

/** Creates the rejection of a token. */
export function badToken(reason: string): RefusalError {
  return new RefusalError('AUTH_FAILED', { reason });
}

/**
 * Describes a token whose `nbf` is in the future, usually because two clocks differ.
 *
 * @param seconds how far `nbf` is in the future
 * @param path the options of the verifier
 */
export function earlyProblem(seconds: number, path: 'auth.jwt' | 'auth.oidc'): string {
  return `not valid yet: nbf is ${seconds} s in the future (${path}.clockTolerance)`;
}

/**
 * Checks `sub` and `exp`. It converts a whole-number `sub` to text: RFC 7519 requires text, but many issuers write the id
 * of a table row.
 */
function completed(claims: Record<string, unknown>): JwtClaims {
  const { sub, exp } = claims;
  if (sub === undefined || sub === null || sub === '') throw badToken('no sub claim');
  if (exp === undefined) throw badToken('no exp claim');
  if (typeof exp !== 'number') throw badToken('exp is not a number');
  if (typeof sub === 'string') return claims as JwtClaims;
  if (Number.isSafeInteger(sub)) return { ...claims, sub: `${sub as number}`, exp };
  throw badToken(
    `sub is ${Array.isArray(sub) ? 'a list' : `a ${typeof sub}`} and must be a string`,
  );
}

/**
 * Copies a user, keeps its class, and adds the session and the issue time of the token, unless the user states them
 * itself.
 */
function withSession(user: ClientUser, claims: JwtClaims, expiresAt: number): ClientUser {
  const members = {
    ...user,
    expiresAt: user.expiresAt ?? expiresAt,
    sessionId: user.sessionId ?? sessionIdOf(claims),
    issuedAt: user.issuedAt ?? issuedAtOf(claims),
  };
  return Object.create(
    Object.getPrototypeOf(user) as object,
    Object.getOwnPropertyDescriptors(members),
  ) as ClientUser;
}

function defaultUser(claims: JwtClaims, expiresAt: number): ClientUser {
  const { sub, roles } = claims;
  return {
    id: sub,
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === 'string') : NO_ROLES,
    expiresAt,
    sessionId: sessionIdOf(claims),
    issuedAt: issuedAtOf(claims),
  };
}

const NO_ROLES: readonly string[] = Object.freeze([]);

/**
 * Returns the session id of a token: `sid`, which identifies the log-in, or `jti`, which identifies this token only. A numeric
 * `sid` counts as text.
 *
 * @throws RefusalError `AUTH_FAILED` for any other `sid`: a log-out could not name such a session
 */
function sessionIdOf({ sid, jti }: JwtClaims): string | undefined {
  if (Number.isSafeInteger(sid)) return String(sid);
  if (sid !== undefined && (typeof sid !== 'string' || sid === ''))
    throw badToken('sid is neither a text nor a whole number');
  return sid ?? (typeof jti === 'string' && jti !== '' ? jti : undefined);
}

/** Returns the issue time of a token in milliseconds; undefined if `iat` is missing or not a time. */
function issuedAtOf({ iat }: JwtClaims): number | undefined {
  const issuedAt = typeof iat === 'number' ? iat * 1000 : NaN;
  return Number.isFinite(issuedAt) ? issuedAt : undefined;
}
