import type { KeyObject } from 'node:crypto';
import type { ClientUser } from './client-user.js';
import type { Problems } from './problems.js';

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
  toUser?: (claims: JwtClaims) => ClientUser | null | Promise<ClientUser | null>;
}

const ALGORITHMS = /^(?:[HRE]S|PS)(?:256|384|512)$/;

export function checkJwt(jwt: JwtAuthOptions, problems: Problems): void {
  const known = ['secret', 'publicKey', 'keyProvider', 'algorithms', 'audience', 'issuer'];
  if (!problems.unknown('auth.jwt', jwt, [...known, 'clockTolerance', 'toUser'])) return;
  problems.fn('auth.jwt.keyProvider', jwt.keyProvider);
  problems.fn('auth.jwt.toUser', jwt.toUser);
  problems.integer('auth.jwt.clockTolerance', jwt.clockTolerance, { min: 0 });
  const keys = [jwt.secret, jwt.publicKey, jwt.keyProvider].filter(key => key !== undefined);
  if (keys.length !== 1)
    problems.add('auth.jwt', 'must have exactly one of secret, publicKey and keyProvider');
  const { secret } = jwt;
  if (secret !== undefined && problems.secret('auth.jwt.secret', secret) && isPem(secret))
    problems.add('auth.jwt.secret', 'may not be a PEM key');
  checkExpected('auth.jwt.audience', jwt.audience, problems);
  checkExpected('auth.jwt.issuer', jwt.issuer, problems);
  checkAlgorithms(jwt, problems);
}

/** Whether a key is written as PEM, and so is one of a pair. */
export function isPem(key: string | Uint8Array): boolean {
  return Buffer.from(key).includes('-----BEGIN');
}

/** An empty text would not be looked for at all: a variable that is not set must not open the door. */
function checkExpected(path: string, expected: unknown, problems: Problems): void {
  if (expected === undefined) return;
  const texts: unknown[] = Array.isArray(expected) ? expected : [expected];
  if (texts.length === 0 || !texts.every(text => typeof text === 'string' && text !== ''))
    problems.add(path, 'must be a non-empty string or a list of them');
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
