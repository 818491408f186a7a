import type { KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Problems } from './problems.js';

/** Who a client is. Any object with an id will do, as Passport strategies return it. */
export interface ClientUser {
  readonly id: string | number;
  readonly roles?: readonly string[];
  /** When the session ends, in milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
}

/** What is known of a connection from its handshake. */
export interface Handshake {
  /** The client's IP address. */
  readonly address: string;
  readonly origin?: string;
  readonly url: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** Returns the user a token stands for, or null to refuse it. Throwing or rejecting refuses it, too. */
export type ValidateToken = (
  token: string,
  handshake: Handshake,
) => ClientUser | null | undefined | Promise<ClientUser | null | undefined>;

export type JwtAlgorithm =
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512';

export type JwtKey = string | Buffer | KeyObject;

/** The claims of a verified token. */
export interface JwtClaims {
  readonly sub: string;
  readonly exp: number;
  readonly [claim: string]: unknown;
}

/** How JSON Web Tokens are verified (RFC 7519). A token must have `sub` and `exp`. */
export interface JwtAuthOptions {
  /** The shared secret of HS algorithms: at least 32 bytes. */
  secret?: string | Buffer;
  /** The public key of RS, PS and ES algorithms, as PEM or KeyObject. */
  publicKey?: JwtKey;
  /** Finds the key by the token's header, such as its `kid`; return null to refuse. */
  keyProvider?: (header: {
    alg: string;
    kid?: string;
  }) => JwtKey | null | undefined | Promise<JwtKey | null | undefined>;
  /** The algorithms taken. Required, but for `secret` alone, where it is HS256. */
  algorithms?: JwtAlgorithm[];
  /** The `aud` a token must have. */
  audience?: string | string[];
  /** The `iss` a token must have. */
  issuer?: string | string[];
  /** How far the clocks of issuer and server may differ, in milliseconds. @default 0 */
  clockTolerance?: number;
  /** Makes the user of the verified claims; the default takes `sub` as id and `roles` where it is a list. */
  toUser?: (claims: JwtClaims) => ClientUser | null;
}

interface CommonAuthOptions {
  /** How long after connecting a client must be authenticated, in milliseconds. @default 10_000 */
  timeout?: number;
  /** How long a session lasts at most, whatever its token says, in milliseconds. @default 86_400_000 */
  maxSessionAge?: number;
}

/** Either `jwt` or `validateToken`. */
export type AuthOptions = CommonAuthOptions &
  (
    | { jwt: JwtAuthOptions; validateToken?: undefined }
    | { validateToken: ValidateToken; jwt?: undefined }
  );

/** Characters in a token or ticket. */
export const MAX_TOKEN_LENGTH = 8_192;

const ALGORITHMS = /^(?:[HRE]S|PS)(?:256|384|512)$/;
const MIN_SECRET_BYTES = 32;

export function checkAuth(options: AuthOptions, problems: Problems): void {
  if (!problems.unknown('auth', options, ['jwt', 'validateToken', 'timeout', 'maxSessionAge']))
    return;
  problems.integer('auth.timeout', options.timeout, { min: 1 });
  problems.integer('auth.maxSessionAge', options.maxSessionAge, { min: 1_000 });
  problems.fn('auth.validateToken', options.validateToken);
  if ((options.jwt === undefined) === (options.validateToken === undefined))
    problems.add('auth', 'must have either jwt or validateToken');
  if (options.jwt !== undefined) checkJwt(options.jwt, problems);
}

function checkJwt(jwt: JwtAuthOptions, problems: Problems): void {
  const known = ['secret', 'publicKey', 'keyProvider', 'algorithms', 'audience', 'issuer'];
  if (!problems.unknown('auth.jwt', jwt, [...known, 'clockTolerance', 'toUser'])) return;
  problems.fn('auth.jwt.keyProvider', jwt.keyProvider);
  problems.fn('auth.jwt.toUser', jwt.toUser);
  problems.integer('auth.jwt.clockTolerance', jwt.clockTolerance, { min: 0 });
  const keys = [jwt.secret, jwt.publicKey, jwt.keyProvider].filter(key => key !== undefined);
  if (keys.length !== 1)
    problems.add('auth.jwt', 'must have exactly one of secret, publicKey and keyProvider');
  if (jwt.secret !== undefined && Buffer.byteLength(jwt.secret) < MIN_SECRET_BYTES)
    problems.add('auth.jwt.secret', `must have at least ${MIN_SECRET_BYTES} bytes`);
  checkAlgorithms(jwt, problems);
}

function checkAlgorithms(
  { algorithms, secret, publicKey }: JwtAuthOptions,
  problems: Problems,
): void {
  const path = 'auth.jwt.algorithms';
  if (algorithms === undefined) {
    if (secret === undefined) problems.add(path, 'must name the algorithms taken');
    return;
  }
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    problems.add(path, 'must be a list of algorithms');
    return;
  }
  for (const algorithm of algorithms as unknown[]) {
    if (typeof algorithm !== 'string' || !ALGORITHMS.test(algorithm))
      problems.add(path, 'may name HS, RS, PS and ES algorithms only, such as ES256');
    else if (secret !== undefined && !algorithm.startsWith('HS'))
      problems.add(path, `cannot have ${algorithm} with a secret`);
    else if (publicKey !== undefined && algorithm.startsWith('HS'))
      problems.add(path, `cannot have ${algorithm} with a public key`);
  }
}
