import type { Clock } from '../clock.js';
import { after } from '../maybe-promise.js';
import {
  type ClientUser,
  DEFAULT_OIDC_ALGORITHMS,
  type OidcAuthOptions,
} from '../options/index.js';
import { OutageLog } from '../outage-log.js';
import { isInstance, RefusalError } from '../protocol/index.js';
import { codeOf, IssuerError, IssuerKeys } from './issuer-keys.js';
import type { OidcLibrary } from './oidc-library.js';
import { assertNoLogOut, badToken, earlyProblem, typeOf, userOf } from './token-claims.js';
import { formProblem } from './token-form.js';

/** Verifies tokens of an OpenID Connect provider with the keys that it publishes. */
export class OidcVerifier {
  private readonly keys: IssuerKeys;
  private readonly algorithms: readonly string[];
  private readonly outages: OutageLog;
  private isOut = false;

  constructor(
    private readonly options: OidcAuthOptions,
    private readonly clock: Clock,
    private readonly jose: OidcLibrary,
  ) {
    this.keys = new IssuerKeys(options, jose, clock);
    this.algorithms = options.algorithms ?? DEFAULT_OIDC_ALGORITHMS;
    this.outages = new OutageLog(clock);
  }

  /**
   * Returns the user of a token; null if `toUser` returns none.
   *
   * @throws RefusalError `AUTH_FAILED`; `UNAVAILABLE` if the issuer cannot be reached. Both have the reason for operators
   */
  async verify(token: string): Promise<ClientUser | null> {
    const claims = await this.claimsOf(token);
    return after(userOf(claims, this.options), user => user);
  }

  private async claimsOf(token: string): Promise<Record<string, unknown>> {
    try {
      // Do not fetch keys for a token of another issuer.
      this.assertClaims(this.jose.decodeJwt(token));
      const { payload, protectedHeader } = await this.jose.jwtVerify(token, this.findKey, {
        algorithms: [...this.algorithms],
        issuer: this.options.issuer,
        clockTolerance: (this.options.clockTolerance ?? 0) / 1000,
        currentDate: new Date(this.clock.now()),
      });
      this.assertClaims(payload);
      assertPurpose(protectedHeader, payload);
      return payload;
    } catch (error) {
      throw this.refusalOf(error, token);
    }
  }

  private readonly findKey = async (header: object, token: object): Promise<unknown> => {
    try {
      const key = await this.keys.find(header, token);
      this.reached();
      return key;
    } catch (error) {
      if (!isInstance(error, IssuerError)) this.reached();
      throw error;
    }
  };

  private assertClaims(claims: Record<string, unknown>): void {
    const { issuer, audience, audienceClaim = 'aud' } = this.options;
    if (claims.iss !== issuer) throw badToken('issuer differs from auth.oidc.issuer');
    const given = claims[audienceClaim];
    if (given === undefined) throw badToken(`no ${audienceClaim} claim`);
    const named: unknown[] = [given].flat();
    if (![audience].flat().some(one => named.includes(one)))
      throw badToken(`${audienceClaim} differs from auth.oidc.audience`);
  }

  private refusalOf(error: unknown, token: string): RefusalError {
    if (RefusalError.is(error)) return error;
    if (isInstance(error, IssuerError)) return this.unreachable(error.message);
    const code = codeOf(error);
    if (code === 'ERR_JOSE_ALG_NOT_ALLOWED') {
      const { alg } = this.jose.decodeProtectedHeader(token);
      return badToken(`algorithm ${alg} is not allowed (${this.algorithms.join(', ')})`);
    }
    if (code === 'ERR_JWT_EXPIRED') return badToken(this.expiry(error));
    if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED')
      return badToken(this.claimProblem(error, token));
    const problem = MALFORMED.has(code)
      ? (formProblem(token) ?? 'not a JSON Web Token')
      : PROBLEMS.get(code);
    return problem ? badToken(problem) : this.unreachable(`jose failed (${code || 'no code'})`);
  }

  private expiry(error: unknown): string {
    const { payload } = error as { payload?: { exp?: number } };
    return `expired ${Math.floor(this.clock.now() / 1000) - (payload?.exp ?? 0)} s ago`;
  }

  private claimProblem(error: unknown, token: string): string {
    const { claim, reason } = error as { claim?: unknown; reason?: unknown };
    if (claim !== 'nbf' || reason !== 'check_failed')
      return `the claim ${String(claim)} is not valid`;
    const nbf = this.jose.decodeJwt(token).nbf as number;
    return earlyProblem(Math.floor(nbf - this.clock.now() / 1000), 'auth.oidc');
  }

  private unreachable(problem: string): RefusalError {
    const reason = `auth.oidc: ${problem}`;
    if (!this.isOut) this.outages.begin(`${reason}: no token can be verified until that is fixed`);
    this.isOut = true;
    return new RefusalError('UNAVAILABLE', { reason });
  }

  private reached(): void {
    if (!this.isOut) return;
    this.isOut = false;
    this.outages.end('auth.oidc: the issuer answers again');
  }
}

/** Types of tokens that name a user: RFC 7519 (section 5.1) and RFC 9068 (section 2.1). */
const USER_TOKEN_TYPES: readonly unknown[] = [undefined, 'jwt', 'at+jwt'];

/** Rejects tokens that the issuer signs with the same key for another purpose (RFC 8725, section 2.8). */
function assertPurpose(header: { typ?: unknown }, claims: Record<string, unknown>): void {
  if (!USER_TOKEN_TYPES.includes(typeOf(header)))
    throw badToken('typ is neither JWT nor at+jwt, so the token is not for a user');
  assertNoLogOut(claims);
}

const MALFORMED: ReadonlySet<string> = new Set(['ERR_JWS_INVALID', 'ERR_JWT_INVALID']);

/** Problems in words of this library: messages of jose may contain parts of the token. */
const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['ERR_JWKS_NO_MATCHING_KEY', 'the issuer has no key for the alg and kid of the token'],
  ['ERR_JWKS_MULTIPLE_MATCHING_KEYS', 'the token names no kid, and several keys fit'],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'the signature does not match the key'],
  ['ERR_JOSE_NOT_SUPPORTED', 'the header asks for an extension or algorithm that is not supported'],
]);
