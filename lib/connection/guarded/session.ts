import type { AuthenticatedSession } from '../../auth/index.js';
import type { Client, ConnectionSlot } from '../index.js';
import { after, isThenable } from '../../maybe-promise.js';
import { contained } from '../../monitoring/index.js';
import {
  type AuthSuccess,
  type Code,
  RefusalError,
  type ServerFrame,
} from '../../protocol/index.js';
import type { ClientUser } from '../../options/index.js';
import { decide, tokenBucket } from '../../rate-limit/index.js';
import { asRefusal } from './as-refusal.js';
import { confirmationOf } from './confirmation.js';
import type { ConnectionServices } from './connection-services.js';
import type { ServedEndpoint } from './served-endpoint.js';

/** The time between the `auth_expiring` frame and the end of a session, in milliseconds. */
const WARNING = 30_000;

/**
 * The renewals of one connection. Each connection has its own bucket, so that other clients cannot use it up. A Socket.IO client
 * may send its token again for each namespace.
 */
const RENEWALS = tokenBucket({ rate: 30, per: 60_000, burst: 32 });

const EXPIRED = 'the token has expired, or auth.maxSessionAge is over';

/** The answer to a token: a confirmation, or a refusal. */
export type AuthOutcome =
  | {
      readonly welcome: AuthSuccess;
      /** Whether the user had a role that the new token lacks. */
      readonly hasLostRole: boolean;
    }
  | { readonly refusal: RefusalError; readonly isFinal: boolean };

/** The action that is due for a session: its end, or a warning. */
export type SessionStep =
  { readonly end: Code; readonly reason: string } | { readonly warning: ServerFrame };

/** The part of a connection that its session uses. */
interface SessionConnection {
  readonly client: Client;
  readonly slot: ConnectionSlot;
  readonly endpoint: ServedEndpoint;
  /** After its end, a token is not answered. */
  readonly isOpen: boolean;
}

/** The session of one connection, from the first token to its end. It returns frames and never sends them itself. */
export class Session {
  private readonly authDeadline: number;
  /** When the bucket of renewals is full again, in monotonic milliseconds. */
  private renewalsFullAt: number | undefined;
  /** The end of the session that the client received. */
  private confirmedExpiry: number | undefined;
  /** The same in monotonic milliseconds, which clock changes do not affect. */
  private endsAt: number | undefined;
  private isAuthenticating = false;
  private isWarned = false;

  constructor(private readonly connection: SessionConnection) {
    const { clock, options } = this.services;
    // Round up, because V8 stores a fraction in an object of its own.
    this.authDeadline = Math.ceil(clock.monotonic() + options.auth.timeout);
  }

  /**
   * Validates a token, and authenticates the client as its user.
   *
   * @param done called with the outcome, synchronously if the validation is synchronous
   */
  authenticate(token: string, done: (outcome: AuthOutcome) => void): void {
    const { client } = this;
    const { authenticator, connections } = this.services;
    if (this.isAuthenticating) {
      // Before authentication a second token is a race with the first, not a renewal.
      const reason = 'another token is still being validated';
      const refusal = new RefusalError(client.user ? 'RATE_LIMITED' : 'AUTH_FAILED', { reason });
      done({ refusal, isFinal: false });
      return;
    }
    try {
      const begunAt = connections.disconnects.latest;
      if (client.user) this.chargeRenewal();
      const session = client.user
        ? authenticator.renew(token, client.handshake, client.user)
        : authenticator.authenticate(token, client.handshake);
      const begun = after(session, result => this.begin(result, begunAt, done));
      if (!isThenable(begun)) return;
      this.isAuthenticating = true;
      void begun
        .catch(
          contained((error: unknown) => {
            this.refuse(error, done);
          }),
        )
        .finally(() => {
          this.isAuthenticating = false;
        });
    } catch (error) {
      this.refuse(error, done);
    }
  }

  /** Returns what is due now, if anything is. */
  due(): SessionStep | undefined {
    const { clock } = this.services;
    const { user, expiresAt = Infinity } = this.client;
    if (!user) return this.isLate() ? this.lateness() : undefined;
    // If the application has set another end, `endsAt` does not apply.
    const endsAt = (this.confirmedExpiry === expiresAt ? this.endsAt : undefined) ?? Infinity;
    const left = Math.min(expiresAt - clock.now(), endsAt - clock.monotonic());
    if (left <= 0) return { end: 'SESSION_EXPIRED', reason: EXPIRED };
    if (left > WARNING || this.isWarned) return undefined;
    this.isWarned = true;
    return { warning: { type: 'auth_expiring', expires_in: Math.ceil(left / 1000) } };
  }

  private get services(): ConnectionServices {
    return this.connection.endpoint.services;
  }

  private get client(): Client {
    return this.connection.client;
  }

  private isLate(): boolean {
    const { isOpenToAll, services } = this.connection.endpoint;
    return !isOpenToAll && services.clock.monotonic() >= this.authDeadline;
  }

  /** Returns how to end a late session. If the client has sent its token in time, the server is late. */
  private lateness(): SessionStep {
    return this.isAuthenticating
      ? { end: 'UNAVAILABLE', reason: 'the token was not validated in auth.timeout' }
      : { end: 'AUTH_TIMEOUT', reason: 'no token within auth.timeout' };
  }

  /** @throws RefusalError `RATE_LIMITED` */
  private chargeRenewal(): void {
    const now = this.services.clock.monotonic();
    const { allowed, retryAfter, fullAt } = decide(RENEWALS, this.renewalsFullAt ?? now, now, 1);
    if (!allowed)
      throw new RefusalError('RATE_LIMITED', {
        retryAfter,
        reason: 'the session is renewed too often',
      });
    this.renewalsFullAt = Math.ceil(fullAt);
  }

  private refuse(error: unknown, done: (outcome: AuthOutcome) => void): void {
    const refusal = asRefusal(error, this.client, this.services);
    const isWaiting = refusal.code === 'RATE_LIMITED' || refusal.code === 'UNAVAILABLE';
    // An unauthenticated client that has to wait cannot do anything with this connection: close it.
    done({ refusal, isFinal: isWaiting && !this.client.user });
  }

  /** @param begunAt the number of disconnects when the authentication began */
  private begin(
    { user, expiresAt }: AuthenticatedSession,
    begunAt: number,
    done: (outcome: AuthOutcome) => void,
  ) {
    const { client } = this;
    const { clock, connections, sessions } = this.services;
    if (client.user && String(client.user.id) !== String(user.id)) throw otherUser();
    return after(connections.claimUser(this.connection.slot, user.id), hasRoom => {
      if (!this.connection.isOpen) return;
      if (!hasRoom) {
        done(final('RATE_LIMITED', 'the user has connection.maxConnectionsPerUser connections'));
        return;
      }
      const ended = connections.disconnects.codeSince(begunAt, user);
      if (ended) {
        done(final(ended, 'the session was ended while its token was validated'));
        return;
      }
      // Create the confirmation first: it throws if no signing key is in force, and then the client must stay unauthenticated.
      const welcome = confirmationOf(client, String(user.id), expiresAt, this.services);
      // There may have been a log-out during the request to the store.
      const reason = sessions.knownProblem(user);
      if (reason !== undefined) throw new RefusalError('AUTH_FAILED', { reason });
      const hasLostRole = lacksRole(user, client.user);
      if (!client.authenticateAs(user, expiresAt)) throw otherUser();
      const left = expiresAt - clock.now();
      // If the new token also ends soon, the client has no longer one: do not warn again.
      this.isWarned &&= left <= WARNING;
      this.confirmedExpiry = expiresAt;
      this.endsAt = Math.ceil(left + clock.monotonic());
      done({ welcome, hasLostRole });
    });
  }
}

/** Returns whether a user lacks a role of an earlier token. `toUser` of the application may set any value. */
function lacksRole({ roles }: ClientUser, before: ClientUser | undefined): boolean {
  const [now, earlier] = [roles, before?.roles].map((given: unknown) =>
    Array.isArray(given) ? (given as unknown[]) : [],
  );
  return earlier?.some(role => !now?.includes(role)) ?? false;
}

function otherUser(): RefusalError {
  return new RefusalError('AUTH_FAILED', { reason: 'the new token is of another user' });
}

function final(code: Code, reason: string): AuthOutcome {
  return { refusal: new RefusalError(code, { reason }), isFinal: true };
}
