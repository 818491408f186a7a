import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import {
  type ClientUser,
  type Handshake,
  MAX_TOKEN_LENGTH,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type ValidateToken,
} from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { JwtVerifier } from './jwt-verifier.js';

/** What a token is worth. */
export interface AuthenticatedSession {
  readonly user: ClientUser;
  /** When the session ends, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Finds out who a token stands for, by JSON Web Tokens or by the application's own `validateToken`. */
@Injectable()
export class TokenAuthenticator {
  private readonly validate: ValidateToken;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
  ) {
    const { jwt, validateToken } = options.auth;
    if (jwt) {
      const verifier = new JwtVerifier(jwt, clock);
      this.validate = token => verifier.verify(token);
    } else {
      this.validate = validateToken;
    }
  }

  /**
   * Answers at once where the validation does.
   *
   * @throws RefusalError `AUTH_FAILED` for whatever reason; a promise rejects with it
   */
  authenticate(
    token: string,
    handshake: Handshake,
  ): AuthenticatedSession | Promise<AuthenticatedSession> {
    if (token === '' || token.length > MAX_TOKEN_LENGTH) throw new RefusalError('AUTH_FAILED');
    try {
      const user = this.validate(token, handshake);
      if (!isPromiseLike(user)) return this.toSession(user);
      return Promise.resolve(user)
        .then(resolved => this.toSession(resolved))
        .catch(refuse);
    } catch {
      return refuse();
    }
  }

  private toSession(user: unknown): AuthenticatedSession {
    const now = this.clock.now();
    if (!isUser(user)) throw new RefusalError('AUTH_FAILED');
    const latest = now + this.options.auth.maxSessionAge;
    const expiresAt = Math.min(user.expiresAt ?? latest, latest);
    if (!(expiresAt > now)) throw new RefusalError('AUTH_FAILED');
    return { user, expiresAt };
  }
}

const MAX_USER_ID_LENGTH = 256;

/** Anything but an object with a proper id is no user: not true, not an empty object, not a truthy string. */
function isUser(value: unknown): value is ClientUser {
  if (typeof value !== 'object' || value === null || !('id' in value)) return false;
  const { id } = value;
  return (
    Number.isSafeInteger(id) ||
    (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID_LENGTH)
  );
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Why a token was refused is nothing its bearer should learn. */
function refuse(): never {
  throw new RefusalError('AUTH_FAILED');
}
