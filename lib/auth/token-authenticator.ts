import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import { FailureLog, NO_TELEMETRY, Telemetry } from '../monitoring/index.js';
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
import { isClientUser } from './is-client-user.js';
import { JwtVerifier } from './jwt-verifier.js';
import { SessionRegistry } from './session-registry.js';
import { TicketService } from './ticket.service.js';
import { watched } from './watched-callback.js';

/** The last instant that can be told (ECMA-262, Time Values and Time Range). */
const MAX_TIME = 8.64e15;

/** What a token is worth. */
export interface AuthenticatedSession {
  readonly user: ClientUser;
  /** When the session ends, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/**
 * Finds out who a token stands for, by JSON Web Tokens or by the application's own `validateToken`; and redeems
 * tickets. Attempts that fail are limited per address.
 */
@Injectable()
export class TokenAuthenticator {
  private readonly validate: ValidateToken;
  private readonly attempt: TokenAuthenticator['authenticate'];

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly tickets: TicketService,
    private readonly sessions: SessionRegistry,
    attempts: AuthAttempts,
    @Optional() telemetry: Telemetry = NO_TELEMETRY,
  ) {
    this.validate = this.validation();
    this.attempt = telemetry.timed('authentication', (token: string, handshake: Handshake) =>
      attempts.attempt({ address: handshake.address }, () => this.check(token, handshake)),
    );
  }

  /**
   * Answers at once where the validation does.
   *
   * @param token a token, or a ticket of `TicketService`
   * @throws RefusalError `AUTH_FAILED` for whatever is wrong with the token, `RATE_LIMITED` when the address
   *   has failed too often, `UNAVAILABLE` when a store is; a promise rejects with it
   */
  authenticate(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    return this.attempt(token, handshake);
  }

  /** By what the application has configured; its own functions are watched for failures. */
  private validation(): ValidateToken {
    const { auth, monitoring } = this.options;
    const logger = new Logger(TokenAuthenticator.name);
    const failures = new FailureLog(logger, this.clock, monitoring.logInterval);
    if (!auth.jwt) return watched('auth.validateToken', auth.validateToken, failures);
    const { keyProvider, toUser } = auth.jwt;
    const verifier = new JwtVerifier(
      {
        ...auth.jwt,
        keyProvider: keyProvider && watched('auth.jwt.keyProvider', keyProvider, failures),
        toUser: toUser && watched('auth.jwt.toUser', toUser, failures),
      },
      this.clock,
    );
    return token => verifier.verify(token);
  }

  private check(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    try {
      if (token === '' || token.length > MAX_TOKEN_LENGTH) throw new RefusalError('AUTH_FAILED');
      const session = TicketService.isTicket(token)
        ? this.tickets.redeem(token, handshake, user => this.toSession(user))
        : this.validated(token, handshake);
      if (!(session instanceof Promise)) return session;
      return session.then(resolved => this.unlessEnded(resolved)).catch(refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  private validated(token: string, handshake: Handshake): MaybePromise<AuthenticatedSession> {
    const user: unknown = this.validate(token, handshake);
    return after(user, resolved => this.toSession(resolved));
  }

  private toSession(user: unknown): AuthenticatedSession {
    const now = this.clock.now();
    if (!isClientUser(user)) throw new RefusalError('AUTH_FAILED');
    const latest = Math.min(now + this.options.auth.maxSessionAge, MAX_TIME);
    const expiresAt = Math.min(user.expiresAt ?? latest, latest);
    if (!(expiresAt > now)) throw new RefusalError('AUTH_FAILED');
    return this.unlessEnded({ user, expiresAt });
  }

  /** Asked again after every wait: a session may end while its token is being validated. */
  private unlessEnded(session: AuthenticatedSession): AuthenticatedSession {
    if (this.sessions.hasEnded(session.user.sessionId)) throw new RefusalError('AUTH_FAILED');
    return session;
  }
}

/** Why a token was refused is nothing its bearer should learn; that it could not be checked is. */
function refuse(error: unknown): never {
  if (error instanceof RefusalError && error.code === 'UNAVAILABLE') throw error;
  throw new RefusalError('AUTH_FAILED');
}
