import { createPublicKey, KeyObject, type webcrypto } from 'node:crypto';
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

/** A key; the key sets of jose return CryptoKeys. */
export type JwtKey = string | Buffer | KeyObject | webcrypto.CryptoKey;

/** The claims of a verified token. */
export interface JwtClaims {
  /** A `sub` that is a whole number in the token is text here. */
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
  /**
   * Finds the key by the token's header, such as its `kid`. Return null to reject the token. Throw if the key cannot be
   * looked up now: the client then receives `UNAVAILABLE`.
   */
  keyProvider?: (header: {
    alg: string;
    kid?: string;
  }) => JwtKey | null | undefined | Promise<JwtKey | null | undefined>;
  /** The accepted algorithms. Required, except with `secret`: then the default is HS256. */
  algorithms?: JwtAlgorithm[];
  /** The `aud` a token must have. */
  audience?: string | string[];
  /** The `iss` a token must have. */
  issuer?: string | string[];
  /** How far the clocks of the issuer and the server may differ, in milliseconds. @default 0 */
  clockTolerance?: number;
  /** Converts verified claims to the user. The default uses `sub` as the id, and `roles` if it is a list. */
  toUser?: (claims: JwtClaims) => ClientUser | null | Promise<ClientUser | null>;
}

const KEYS = ['secret', 'publicKey', 'keyProvider'] as const;
const ALGORITHMS = /^(?:[HRE]S|PS)(?:256|384|512)$/;

export function checkJwt(jwt: JwtAuthOptions, problems: Problems): void {
  const known = [...KEYS, 'algorithms', 'audience', 'issuer', 'clockTolerance', 'toUser'];
  if (!problems.unknown('auth.jwt', jwt, known)) return;
  problems.fn('auth.jwt.keyProvider', jwt.keyProvider);
  problems.fn('auth.jwt.toUser', jwt.toUser);
  problems.integer('auth.jwt.clockTolerance', jwt.clockTolerance, { min: 0 });
  const keys = KEYS.filter(name => jwt[name] !== undefined);
  if (keys.length !== 1) {
    const unset = keys.length === 0 && KEYS.find(name => name in jwt);
    const exactlyOne = 'must have exactly one of secret, publicKey and keyProvider';
    problems.add('auth.jwt', unset ? `${exactlyOne}: ${unset} is undefined` : exactlyOne);
  }
  const { secret } = jwt;
  if ((typeof secret === 'string' || secret instanceof Uint8Array) && isPem(secret))
    problems.add('auth.jwt.secret', 'may not be a PEM key');
  else if (secret !== undefined) problems.secret('auth.jwt.secret', secret);
  checkPublicKey(jwt.publicKey, problems);
  checkExpected('auth.jwt.audience', jwt.audience, problems);
  checkExpected('auth.jwt.issuer', jwt.issuer, problems);
  if (keys.length > 0) checkAlgorithms(jwt, problems);
}

/** Whether a key is PEM, so it belongs to a key pair. */
export function isPem(key: string | Uint8Array): boolean {
  return Buffer.from(key).includes('-----BEGIN');
}

function checkPublicKey(key: JwtKey | undefined, problems: Problems): void {
  if (key === undefined) return;
  if (isKeyObject(key)) {
    checkStrength(key, problems);
    return;
  }
  if (typeof key !== 'string' && !(key instanceof Uint8Array)) {
    problems.add(
      'auth.jwt.publicKey',
      "must be a PEM key, a KeyObject or a CryptoKey; for a JWK use createPublicKey({ key, format: 'jwk' })",
    );
    return;
  }
  try {
    checkStrength(createPublicKey(key), problems);
  } catch {
    const isEscaped = isPem(key) && Buffer.from(key).includes(String.raw`\n`);
    problems.add(
      'auth.jwt.publicKey',
      isEscaped
        ? String.raw`has its newlines written as a backslash and an n: use key.replaceAll('\\n', '\n')`
        : 'cannot be read: it must be a PEM key, from -----BEGIN to -----END',
    );
  }
}

/** The minimum size of an RSA key, in bits (RFC 7518, section 3.3). */
export const MIN_RSA_BITS = 2_048;

/** Returns the size of an RSA key in bits; undefined for other keys. */
export function rsaBitsOf(key: KeyObject): number | undefined {
  return key.asymmetricKeyDetails?.modulusLength;
}

function checkStrength(key: KeyObject | webcrypto.CryptoKey, problems: Problems): void {
  const bits = rsaBitsOf(key instanceof KeyObject ? key : KeyObject.from(key));
  if (bits !== undefined && bits < MIN_RSA_BITS)
    problems.add(
      'auth.jwt.publicKey',
      `must have at least ${MIN_RSA_BITS} bits if it is an RSA key (it has ${bits}): let the issuer use a new key`,
    );
}

function isKeyObject(key: unknown): key is KeyObject | webcrypto.CryptoKey {
  return key instanceof KeyObject || Object.prototype.toString.call(key) === '[object CryptoKey]';
}

/** An empty string would disable the check: an unset variable must not do that. */
export function checkExpected(path: string, expected: unknown, problems: Problems): void {
  if (expected === undefined) return;
  const texts: unknown[] = Array.isArray(expected) ? expected : [expected];
  if (texts.length === 0 || !texts.every(text => typeof text === 'string' && text !== ''))
    problems.add(path, 'must be a non-empty string or a list of them');
  else (texts as string[]).some(text => problems.surrounded(path, text));
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
