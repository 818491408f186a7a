import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { ClientUser, JwtAlgorithm, JwtAuthOptions, JwtKey } from '../options/index.js';
import { asPublicKey, asSecret } from './jwt-key.js';
import type { JwtLibrary } from './jwt-library.js';
import { assertNoLogOut, badToken, earlyProblem, typeOf, userOf } from './token-claims.js';
import { formProblem } from './token-form.js';

/** Verifies JSON Web Tokens. The options fix the algorithms and the claims. */
export class JwtVerifier {
  private readonly key: KeyObject | undefined;
  private readonly algorithms: readonly JwtAlgorithm[];

  constructor(
    private readonly options: JwtAuthOptions,
    private readonly clock: Clock,
    private readonly jwt: JwtLibrary,
  ) {
    this.algorithms = options.algorithms ?? ['HS256'];
    if (options.secret !== undefined) this.key = asSecret(options.secret);
    else if (options.publicKey !== undefined) this.key = asPublicKey(options.publicKey);
  }

  /**
   * Returns the user of a token, or null if `toUser` returns none.
   *
   * @throws RefusalError `AUTH_FAILED`, with the reason for operators
   */
  verify(token: string): MaybePromise<ClientUser | null> {
    const header = headerOf(token);
    const { algorithms } = this;
    if (!algorithms.includes(header.alg))
      throw badToken(`algorithm ${header.alg} is not allowed (${algorithms.join(', ')})`);
    return this.key === undefined
      ? this.verifyByProvider(token, header)
      : this.verifyWith(token, this.key, header);
  }

  private async verifyByProvider(token: string, header: JwtHeader): Promise<ClientUser | null> {
    const key = await this.options.keyProvider?.(header);
    if (!key) throw badToken(`auth.jwt.keyProvider has no key for kid ${header.kid ?? '(none)'}`);
    return this.verifyWith(token, keyFor(header, key), header);
  }

  private verifyWith(
    token: string,
    key: KeyObject,
    header: JwtHeader,
  ): MaybePromise<ClientUser | null> {
    const { audience, issuer, clockTolerance = 0 } = this.options;
    const now = Math.floor(this.clock.now() / 1000);
    let claims: unknown;
    try {
      claims = this.jwt.verify(token, {
        secret: key,
        algorithms: [...this.algorithms],
        audience,
        issuer,
        clockTolerance: clockTolerance / 1000,
        clockTimestamp: now,
      });
    } catch (error) {
      throw badToken(problemOf(error, now, key, header));
    }
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
      throw badToken('the claims are not a JSON object');
    assertNoLogOut(claims as Record<string, unknown>);
    return userOf(claims as Record<string, unknown>, this.options);
  }
}

function keyFor({ alg }: JwtHeader, key: JwtKey): KeyObject {
  try {
    return alg.startsWith('HS') ? asSecret(key) : asPublicKey(key);
  } catch {
    throw badToken(`the key of auth.jwt.keyProvider cannot be used for ${alg}`);
  }
}

/** Describes the problem in words of this library: messages of jsonwebtoken may contain parts of the token. */
function problemOf(error: unknown, now: number, key: KeyObject, { alg }: JwtHeader): string {
  const { name, message, date, expiredAt } = error as Error & { date?: Date; expiredAt?: Date };
  if (name === 'TokenExpiredError')
    return `expired ${now - Math.floor((expiredAt?.getTime() ?? 0) / 1000)} s ago`;
  if (name === 'NotBeforeError')
    return earlyProblem(Math.floor((date?.getTime() ?? 0) / 1000) - now, 'auth.jwt');
  if (name !== 'JsonWebTokenError')
    return `the ${key.asymmetricKeyType ?? key.type} key does not fit ${alg}`;
  return PROBLEMS.find(([start]) => message.startsWith(start))?.[1] ?? 'not a JSON Web Token';
}

const PROBLEMS: readonly (readonly [start: string, problem: string])[] = [
  ['jwt audience invalid', 'audience differs from auth.jwt.audience'],
  ['jwt issuer invalid', 'issuer differs from auth.jwt.issuer'],
  ['invalid signature', 'the signature does not match the key'],
  ['jwt signature is required', 'the token is not signed'],
  ['invalid exp value', 'exp is not a number'],
  ['invalid nbf value', 'nbf is not a number'],
];

/** Types of tokens that describe an event: RFC 8417 (section 2.3), and OpenID Connect Back-Channel Logout 1.0 (section 2.4). */
const EVENT_TOKEN_TYPES: readonly unknown[] = ['secevent+jwt', 'logout+jwt'];

interface JwtHeader {
  readonly alg: JwtAlgorithm;
  readonly kid?: string;
}

/**
 * Reads the header of a token. Its content is not verified and serves only to find the key.
 *
 * @throws RefusalError `AUTH_FAILED`
 */
function headerOf(token: string): JwtHeader {
  const problem = formProblem(token);
  if (problem !== undefined) throw badToken(problem);
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString());
  } catch {
    // The header stays undefined.
  }
  if (typeof header !== 'object' || header === null) throw badToken('not a JSON Web Token');
  // This library supports no extensions, so it must reject a token with a critical one (RFC 7515, section 4.1.11).
  if ('crit' in header) throw badToken('the header has crit, and no extension is supported');
  if (EVENT_TOKEN_TYPES.includes(typeOf(header))) throw badToken('typ names no token for a user');
  const { alg, kid } = header as Record<string, unknown>;
  if (typeof alg !== 'string') throw badToken('the header has no alg');
  if (kid !== undefined && typeof kid !== 'string') throw badToken('kid is not a string');
  return { alg: alg as JwtAlgorithm, kid };
}
