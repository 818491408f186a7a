import { createPublicKey, createSecretKey, KeyObject } from 'node:crypto';
import { JwtService, type JwtVerifyOptions } from '@nestjs/jwt';
import type { Clock } from '../clock.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import {
  type ClientUser,
  isPem,
  type JwtAlgorithm,
  type JwtAuthOptions,
  type JwtClaims,
  type JwtKey,
  MIN_SECRET_BYTES,
} from '../options/index.js';

/** Verifies JSON Web Tokens with the algorithms and claims pinned by the options. */
export class JwtVerifier {
  private readonly jwt = new JwtService({});
  private readonly key: KeyObject | undefined;
  private readonly algorithms: readonly JwtAlgorithm[];

  constructor(
    private readonly options: JwtAuthOptions,
    private readonly clock: Clock,
  ) {
    this.algorithms = options.algorithms ?? ['HS256'];
    if (options.secret !== undefined) this.key = asSecret(options.secret);
    else if (options.publicKey !== undefined) this.key = asPublicKey(options.publicKey);
  }

  /**
   * The user of a token, or null when there is none for it.
   *
   * @throws whatever is wrong with the token
   */
  verify(token: string): MaybePromise<ClientUser | null> {
    const header = headerOf(token);
    if (!header || !this.algorithms.includes(header.alg)) return null;
    return this.key === undefined
      ? this.verifyByProvider(token, header)
      : this.verifyWith(token, this.key);
  }

  private async verifyByProvider(token: string, header: JwtHeader): Promise<ClientUser | null> {
    const key = await this.options.keyProvider?.(header);
    if (!key) return null;
    return this.verifyWith(token, header.alg.startsWith('HS') ? asSecret(key) : asPublicKey(key));
  }

  private verifyWith(token: string, key: KeyObject): MaybePromise<ClientUser | null> {
    const { audience, issuer, clockTolerance = 0 } = this.options;
    const claims = this.jwt.verify<Record<string, unknown>>(token, {
      // A KeyObject is what jsonwebtoken takes; @nestjs/jwt's type does not say so.
      secret: key as JwtKey as string,
      algorithms: [...this.algorithms],
      audience: audience as JwtVerifyOptions['audience'],
      issuer: issuer as JwtVerifyOptions['issuer'],
      clockTolerance: clockTolerance / 1000,
      clockTimestamp: Math.floor(this.clock.now() / 1000),
    });
    return isComplete(claims) ? this.toUser(claims) : null;
  }

  private toUser(claims: JwtClaims): MaybePromise<ClientUser | null> {
    const { clockTolerance = 0 } = this.options;
    const session = {
      expiresAt: claims.exp * 1000 + clockTolerance,
      sessionId: sessionIdOf(claims),
    };
    if (!this.options.toUser) return userOf(claims, session);
    return after(this.options.toUser(claims), user => user && withSession(user, session));
  }
}

type SessionOf = Pick<ClientUser, 'expiresAt' | 'sessionId'>;

/** A copy of a user, of the same class, with what its token says of the session where it does not say so itself. */
function withSession(user: ClientUser, { expiresAt, sessionId }: SessionOf): ClientUser {
  const members = {
    ...user,
    expiresAt: user.expiresAt ?? expiresAt,
    sessionId: user.sessionId ?? sessionId,
  };
  return Object.create(
    Object.getPrototypeOf(user) as object,
    Object.getOwnPropertyDescriptors(members),
  ) as ClientUser;
}

function isComplete(claims: Record<string, unknown>): claims is JwtClaims {
  return typeof claims.sub === 'string' && claims.sub !== '' && typeof claims.exp === 'number';
}

function userOf({ sub, roles }: JwtClaims, { expiresAt, sessionId }: SessionOf): ClientUser {
  return {
    id: sub,
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === 'string') : NO_ROLES,
    expiresAt,
    sessionId,
  };
}

const NO_ROLES: readonly string[] = Object.freeze([]);

/** Under either name a token names its session: `sid` names the log-in, `jti` only this token. */
function sessionIdOf({ sid, jti }: JwtClaims): string | undefined {
  return [sid, jti].find(id => typeof id === 'string' && id !== '') as string | undefined;
}

/** A public key as KeyObject cannot be mistaken for the secret of an HS algorithm. */
function asPublicKey(key: JwtKey): KeyObject {
  if (!(key instanceof KeyObject)) return createPublicKey(key);
  return key.type === 'private' ? createPublicKey(key) : key;
}

/**
 * The secret of HS algorithms.
 *
 * @throws TypeError for what must not be one: a key of a pair, in whatever form, because its public half is
 *   known to everybody, or less than 32 bytes (RFC 7518, section 3.2)
 */
function asSecret(key: JwtKey): KeyObject {
  const secret = key instanceof KeyObject ? key : createSecretKey(Buffer.from(key as string));
  if (secret.type !== 'secret' || (secret.symmetricKeySize ?? 0) < MIN_SECRET_BYTES)
    throw new TypeError('An HS algorithm needs a secret of at least 32 bytes');
  if (!(key instanceof KeyObject) && isOfPair(Buffer.from(key as string)))
    throw new TypeError('The key of a pair cannot be the secret of an HS algorithm');
  return secret;
}

function isOfPair(key: Buffer): boolean {
  if (isPem(key)) return true;
  try {
    createPublicKey({ key, format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}

interface JwtHeader {
  readonly alg: JwtAlgorithm;
  readonly kid?: string;
}

/** The header of a token that could be one of ours; it is believed no further than to find the key. */
function headerOf(token: string): JwtHeader | undefined {
  const header: unknown = JSON.parse(
    Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString(),
  );
  if (typeof header !== 'object' || header === null) return undefined;
  // We know no extensions, and must refuse a token that needs one understood (RFC 7515, section 4.1.11).
  if ('crit' in header) return undefined;
  const { alg, kid } = header as Record<string, unknown>;
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return undefined;
  return { alg: alg as JwtAlgorithm, kid };
}
