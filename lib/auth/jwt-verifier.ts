import { createPublicKey, type KeyObject } from 'node:crypto';
import { JwtService, type JwtVerifyOptions } from '@nestjs/jwt';
import type { Clock } from '../clock.js';
import type { ClientUser, JwtAuthOptions, JwtClaims, JwtKey } from '../options/index.js';

/** Verifies JSON Web Tokens with the algorithms and claims pinned by the options. */
export class JwtVerifier {
  private readonly jwt = new JwtService({});
  private readonly key: string | Buffer | KeyObject | undefined;

  constructor(
    private readonly options: JwtAuthOptions,
    private readonly clock: Clock,
  ) {
    this.key = options.publicKey === undefined ? options.secret : asPublicKey(options.publicKey);
  }

  /**
   * The user of a token, or null when there is none for it.
   *
   * @throws whatever is wrong with the token
   */
  verify(token: string): ClientUser | null | Promise<ClientUser | null> {
    return this.key === undefined ? this.verifyByProvider(token) : this.verifyWith(token, this.key);
  }

  private async verifyByProvider(token: string): Promise<ClientUser | null> {
    const header = headerOf(token);
    const key = header && (await this.options.keyProvider?.(header));
    if (!key) return null;
    const isShared = header.alg.startsWith('HS');
    return this.verifyWith(token, isShared ? key : asPublicKey(key));
  }

  private verifyWith(token: string, key: JwtKey): ClientUser | null {
    const { algorithms = ['HS256'], audience, issuer, clockTolerance = 0 } = this.options;
    const claims = this.jwt.verify<Record<string, unknown>>(token, {
      // A KeyObject is what jsonwebtoken takes; @nestjs/jwt's type does not say so.
      secret: key as string,
      algorithms,
      audience: audience as JwtVerifyOptions['audience'],
      issuer: issuer as JwtVerifyOptions['issuer'],
      clockTolerance: clockTolerance / 1000,
      clockTimestamp: Math.floor(this.clock.now() / 1000),
    });
    return isComplete(claims) ? this.toUser(claims) : null;
  }

  private toUser(claims: JwtClaims): ClientUser | null {
    const user = this.options.toUser ? this.options.toUser(claims) : userOf(claims);
    const { clockTolerance = 0 } = this.options;
    return user && { expiresAt: claims.exp * 1000 + clockTolerance, ...user };
  }
}

function isComplete(claims: Record<string, unknown>): claims is JwtClaims {
  return typeof claims.sub === 'string' && claims.sub !== '' && typeof claims.exp === 'number';
}

function userOf({ sub, roles }: JwtClaims): ClientUser {
  return {
    id: sub,
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === 'string') : [],
  };
}

/** A public key as KeyObject cannot be mistaken for the secret of an HS algorithm. */
function asPublicKey(key: JwtKey): KeyObject {
  return typeof key === 'string' || Buffer.isBuffer(key) ? createPublicKey(key) : key;
}

function headerOf(token: string): { alg: string; kid?: string } | undefined {
  const header: unknown = JSON.parse(
    Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString(),
  );
  if (typeof header !== 'object' || header === null) return undefined;
  const { alg, kid } = header as Record<string, unknown>;
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return undefined;
  return { alg, kid };
}
