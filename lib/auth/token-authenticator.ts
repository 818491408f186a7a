import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { isVerdict } from '../handler/index.js';
import { after, inTime, type MaybePromise, recovering } from '../maybe-promise.js';
import { FailureLog, NO_TELEMETRY, Telemetry, UnexpectedErrors } from '../monitoring/index.js';
import {
  type ClientUser,
  type Handshake,
  MAX_TOKEN_LENGTH,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type ValidateToken,
} from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { AuthAttempts } from './auth-attempts.js';
import { isClientUser, userProblem } from './is-client-user.js';
import { JWT_LIBRARY, type JwtLibrary } from './jwt-library.js';
import { OIDC_LIBRARY, type OidcLibrary } from './oidc-library.js';
import { OidcVerifier } from './oidc-verifier.js';
import { JwtVerifier } from './jwt-verifier.js';
import { SessionRegistry } from './session-registry.js';
import { TicketService } from './ticket.service.js';
import { watched } from './watched-callback.js';

/** The last representable instant (ECMA-262, Time Values and Time Range). */
const MAX_TIME = 8.64e15;

/**
 * The time a validation may take in addition to `auth.timeout`, in milliseconds. Before authentication the connection's own
 * deadline comes first.
 */
const GRACE = 1_000;

/** The session that a valid token starts. */
export interface AuthenticatedSession {
  readonly user: ClientUser;
  /** The end of the session, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/**
 * Finds the user of a token, with JSON Web Tokens or with `validateToken` of the application, and redeems tickets. It
 * limits rejected attempts per address. Attempts that could not be checked do not count.
 */
@Injectable()
export class TokenAuthenticator {
  private readonly validate: ValidateToken;
  private readonly attempt: TokenAuthenticator['authenticate'];
  private readonly renewal: TokenAuthenticator['renew'];

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly tickets: TicketService,
    private readonly sessions: SessionRegistry,
    private readonly attempts: AuthAttempts,
    @Inject(JWT_LIBRARY) jwt: JwtLibrary,
    @Optional() telemetry: Telemetry = NO_TELEMETRY,
    @Optional() private readonly errors?: UnexpectedErrors,
    @Optional() @Inject(OIDC_LIBRARY) oidc: OidcLibrary | null = null,
  ) {
    this.validate = this.validation(jwt, oidc);
    this.attempt = telemetry.timed('authentication', (token: string, handshake: Handshake) =>
      this.limited(token, handshake),
    );
    this.renewal = telemetry.timed(
      'authentication',
      (token: string, handshake: Handshake, user: ClientUser) =>
        this.counted(token, handshake, user),
    );
  }

  /**
   * Returns the session of a token. The result is synchronous if the validation is.
   *
   * @param token a token, or a ticket of `TicketService`
   * @throws RefusalError `AUTH_FAILED` if the token is rejected, `RATE_LIMITED` if the address has failed too often,
   * `UNAVAILABLE` if a store or a callback of the application fails; a promise rejects with it
   */
  authenticate(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    return this.attempt(token, handshake);
  }

  /**
   * Returns the session of a new token for an authenticated client. It limits no attempts per address, because the caller limits
   * renewals per connection. It counts rejected tokens that a client can guess.
   *
   * @param user the user of the client; a token of another user is rejected
   * @throws RefusalError like `authenticate`
   */
  renew(token: string, handshake: Handshake, user: ClientUser): MaybePromise<AuthenticatedSession> {
    return this.renewal(token, handshake, user);
  }

  /** Returns the validation that the application has configured. Failures of the application's functions are logged. */
  private validation(jwt: JwtLibrary, jose: OidcLibrary | null): ValidateToken {
    const { auth, monitoring } = this.options;
    const logger = new Logger(TokenAuthenticator.name);
    const failures = new FailureLog(logger, this.clock, monitoring.logInterval);
    const watch = <A extends unknown[], R>(name: string, callback: (...args: A) => R) =>
      watched(name, callback, failures, auth.timeout, (source, error) => {
        this.errors?.report(error, { source });
      });
    if (auth.validateToken) return watch('auth.validateToken', auth.validateToken);
    if (auth.oidc) {
      const toUser = auth.oidc.toUser && watch('auth.oidc.toUser', auth.oidc.toUser);
      if (!jose) throw new TypeError('auth.oidc needs OIDC_LIBRARY');
      const verifier = new OidcVerifier({ ...auth.oidc, toUser }, this.clock, jose);
      return watch('auth.oidc', token => verifier.verify(token));
    }
    const { keyProvider, toUser } = auth.jwt;
    const verifier = new JwtVerifier(
      {
        ...auth.jwt,
        keyProvider: keyProvider && watch('auth.jwt.keyProvider', keyProvider),
        toUser: toUser && watch('auth.jwt.toUser', toUser),
      },
      this.clock,
      jwt,
    );
    return token => verifier.verify(token);
  }

  /**
   * Limits attempts per address. A signature cannot be guessed, so only failures count. `validateToken` may accept short
   * secrets, so those are counted before the check.
   */
  private limited(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    const { address } = handshake;
    const check = () => this.check(token, handshake);
    return this.isGuessable(token)
      ? this.attempts.attempt({ address }, check)
      : this.attempts.verify({ address }, check);
  }

  /** Counts a rejected renewal like a rejected log-in. Otherwise an authenticated client could guess tokens without limit. */
  private counted(
    token: string,
    handshake: Handshake,
    { id }: ClientUser,
  ): MaybePromise<AuthenticatedSession> {
    const check = () =>
      after(this.check(token, handshake), session => {
        // A token of another user must not count differently: that would tell a client that it has guessed one.
        if (String(session.user.id) === String(id)) return session;
        throw rejected('the new token is of another user');
      });
    return recovering(check, error => {
      if (!RefusalError.is(error) || error.code !== 'AUTH_FAILED' || !this.isGuessable(token))
        throw error;
      return this.attempts.count({ address: handshake.address }, error);
    });
  }

  /** Returns whether a client can guess a token: one without a signature of an issuer or of this server. */
  private isGuessable(token: string): boolean {
    return this.options.auth.validateToken !== undefined && !TicketService.isTicket(token);
  }

  private check(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    try {
      if (token === '' || token.length > MAX_TOKEN_LENGTH)
        throw rejected(token === '' ? 'the token is empty' : TOO_LONG);
      const session = TicketService.isTicket(token)
        ? this.tickets.redeem(token, handshake, user => this.toSession(user))
        : this.validated(token, handshake);
      const checked = after(session, resolved => this.unlessEnded(resolved));
      if (!(checked instanceof Promise)) return checked;
      const late = new RefusalError('UNAVAILABLE', { reason: 'the validation does not answer' });
      return inTime(checked, this.options.auth.timeout + GRACE, late).catch(asVerdict);
    } catch (error) {
      return asVerdict(error);
    }
  }

  private validated(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    const user: unknown = this.validate(token, handshake);
    return after(user, resolved => this.toSession(resolved));
  }

  private toSession(user: unknown): AuthenticatedSession {
    const now = this.clock.now();
    if (!isClientUser(user)) throw rejected(userProblem(user));
    const latest = Math.min(now + this.options.auth.maxSessionAge, MAX_TIME);
    const expiresAt = Math.min(user.expiresAt ?? latest, latest);
    if (!(expiresAt > now)) throw rejected('expiresAt of the user is in the past or not a number');
    const problem = this.sessions.knownProblem(user);
    if (problem !== undefined) throw rejected(problem);
    return { user, expiresAt };
  }

  /** Rejects a session that was ended before or during the validation of its token, on this node or another. */
  private unlessEnded(session: AuthenticatedSession): MaybePromise<AuthenticatedSession> {
    return after(this.sessions.problem(session.user), problem => {
      if (problem !== undefined) throw rejected(problem);
      return session;
    });
  }
}

const TOO_LONG = `the token has more than ${MAX_TOKEN_LENGTH} characters`;

function rejected(reason: string): RefusalError {
  return new RefusalError('AUTH_FAILED', { reason });
}

/** Converts an error to one of the two codes that a client may see: the token was rejected, or it could not be checked. */
function asVerdict(error: unknown): never {
  if (!RefusalError.is(error)) throw error;
  if (error.code === 'UNAVAILABLE' || error.code === 'AUTH_FAILED') throw error;
  const code = isVerdict(error) ? 'AUTH_FAILED' : 'UNAVAILABLE';
  throw new RefusalError(code, { reason: error.reason ?? error.code });
}
