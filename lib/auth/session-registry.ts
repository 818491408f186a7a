import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import {
  type Client,
  ConnectionManager,
  isIssuedAfter,
  isLogOut,
  type LogOut,
  type Revocation,
  RevocationBus,
} from '../connection/index.js';
import { after, all, type MaybePromise, recovering } from '../maybe-promise.js';
import { contained, SecurityEvents } from '../monitoring/index.js';
import {
  type ClientUser,
  givenSessionId,
  givenUserId,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { InvalidArgumentError, RefusalError } from '../protocol/index.js';
import { StoreOutage } from '../store-outage.js';
import { LogOutTable } from './log-out-table.js';

/** The number of connections to check at a time after a gap, so that the store can answer all requests. */
const CHECKED_AT_ONCE = 1_000;

/** The members of a user that log-outs are compared with. */
type TokenUser = Partial<Pick<ClientUser, 'id' | 'sessionId' | 'issuedAt'>>;
/** A user, or the id of a session. */
type UserOrSession = TokenUser | string | undefined;

/**
 * Ends sessions before their tokens expire, one session (`end`) or all of a user (`endUser`). `ClientUser.sessionId`
 * identifies a session: the `sid` claim of a token, or its `jti`.
 */
@Injectable()
export class SessionRegistry {
  /** The log-outs that this node knows. Log-outs of sessions never use up the room for those of users. */
  private readonly known: Readonly<Record<LogOut['kind'], LogOutTable>>;
  private readonly outage: StoreOutage;

  constructor(
    private readonly connections: ConnectionManager,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly bus: RevocationBus,
    @Optional() private readonly events?: SecurityEvents,
  ) {
    this.known = { session: new LogOutTable(clock), user: new LogOutTable(clock) };
    this.outage = new StoreOutage('log-outs', 'local', clock, events);
    bus.subscribe(
      contained((revocation: Revocation) => {
        // If there is no room here, `problem` still finds the log-out through the bus.
        if (isLogOut(revocation)) this.known[revocation.kind].add(revocation);
      }),
    );
    bus.onGap(contained(() => this.closeEnded()));
  }

  /**
   * Closes every connection of a session with `REVOKED`, and rejects its tokens from now on.
   *
   * @param tokensExpireAt the time when the last token of the session expires, in milliseconds since the Unix epoch. Pass
   * it if that is later than `auth.maxSessionAge` from now.
   * @returns the number of closed connections on this node
   * @throws InvalidArgumentError for an id that no session has
   * @throws RefusalError `UNAVAILABLE` if no more ended sessions can be stored; the connections are closed anyway
   */
  end(sessionId: string, tokensExpireAt = 0): number {
    return this.logOut('session', givenSessionId(sessionId, 'SessionRegistry.end'), tokensExpireAt);
  }

  /**
   * Logs a user out everywhere. Closes every connection of the user on all nodes with `REVOKED`. From now on, all nodes
   * reject the tokens and tickets of the user that were issued until now, whether they were ever used or not.
   *
   * The issue time is `ClientUser.issuedAt`. The `iat` claim has whole seconds, so a token that is issued in the second of the
   * log-out counts as issued before it. A token without an issue time is always rejected: without `iat` or `issuedAt`, the user
   * cannot log in until `auth.maxSessionAge` or `tokensExpireAt` has passed.
   *
   * @param userId counts as text, so that `7` and `'7'` are the same user
   * @param tokensExpireAt the time when the last token of the user expires, in milliseconds since the Unix epoch. Pass it
   * if that is later than `auth.maxSessionAge` from now.
   * @returns the number of closed connections on this node
   * @throws InvalidArgumentError for an id that no user has
   * @throws RefusalError `UNAVAILABLE` if no more log-outs of users can be stored; the connections are closed anyway
   */
  endUser(userId: string | number, tokensExpireAt = 0): number {
    return this.logOut('user', givenUserId(userId, 'SessionRegistry.endUser'), tokensExpireAt);
  }

  /** Returns whether this node knows a log-out that rejects the token of a user. `isEnded` also queries the other nodes. */
  hasEnded(user: UserOrSession): boolean {
    return this.knownProblem(tokenUserOf(user)) !== undefined;
  }

  /**
   * Returns whether the token of a user was logged out, on this node or another: its session by `end`, or its user by
   * `endUser`. Use it wherever you check tokens, for example in HTTP guards. If the nodes cannot reach each other, it
   * returns what this node knows.
   *
   * @param user the user of the token. Without `sessionId`, `end` does not apply. Without `issuedAt`, every log-out of the
   * user does. If you pass a session id instead, `endUser` does not apply
   * @throws RefusalError `UNAVAILABLE` on a node that has not reached the others since it started
   */
  isEnded(user: UserOrSession): MaybePromise<boolean> {
    return after(this.problem(tokenUserOf(user)), problem => problem !== undefined);
  }

  /**
   * Returns why `isEnded` is true, for operators; undefined if it is false.
   *
   * @internal
   */
  problem(user: TokenUser): MaybePromise<string | undefined> {
    const known = this.knownProblem(user);
    if (known !== undefined) return known;
    // Not asking the other nodes says nothing about an outage.
    if (user.id === undefined && user.sessionId === undefined) return undefined;
    const local = () => undefined;
    const found = this.outage.during(() => this.sharedProblem(user), { allow: local, local });
    // There may have been a log-out on this node in the meantime.
    return after(found, problem => problem ?? this.knownProblem(user));
  }

  /**
   * Returns why `hasEnded` is true, for operators; undefined if it is false.
   *
   * @internal
   */
  knownProblem(user: TokenUser): string | undefined {
    const { id, sessionId } = user;
    const ended = sessionId === undefined ? undefined : this.known.session.find(sessionId);
    const loggedOut = id === undefined ? undefined : this.known.user.find(String(id));
    return problemOf(user, ended, loggedOut);
  }

  private sharedProblem(user: TokenUser): MaybePromise<string | undefined> {
    const { bus } = this;
    const { id, sessionId } = user;
    const found = all([
      sessionId === undefined ? undefined : bus.loggedOutAt('session', sessionId),
      id === undefined ? undefined : bus.loggedOutAt('user', String(id)),
    ]);
    return after(found, ([ended, loggedOut]) => problemOf(user, ended, loggedOut));
  }

  private logOut(kind: LogOut['kind'], id: string, tokensExpireAt: number): number {
    if (Number.isNaN(tokensExpireAt))
      throw new InvalidArgumentError('SessionRegistry', 'tokensExpireAt must be a time, not NaN');
    const now = this.clock.now();
    // A node whose clock is ahead may have issued a token that seems to be newer than the log-out.
    const at = now + this.bus.clockLead;
    const latest = Math.max(now + this.options.auth.maxSessionAge, tokensExpireAt);
    // Other nodes receive it as JSON, which has no Infinity.
    const until = Math.min(latest, Number.MAX_SAFE_INTEGER);
    const logOut: LogOut = { kind, id, code: 'REVOKED', at, until };
    const closed = this.connections.revoke(logOut);
    this.events?.sessionEnded(closed);
    if (!this.known[kind].add(logOut))
      throw new RefusalError('UNAVAILABLE', {
        reason: `the list of ${kind === 'user' ? 'logged-out users' : 'ended sessions'} is full (1,000,000)`,
      });
    return closed;
  }

  /** Closes connections that were logged out while this node could not reach the others. */
  private async closeEnded(): Promise<void> {
    const clients = this.connections.list();
    for (let start = 0; start < clients.length; start += CHECKED_AT_ONCE)
      await Promise.all(
        clients.slice(start, start + CHECKED_AT_ONCE).map(client => this.closeIfEnded(client)),
      );
  }

  private closeIfEnded({ id, user }: Client): MaybePromise<unknown> {
    // A connection that cannot be checked stays open.
    const answer = recovering(
      () => this.isEnded(user),
      () => false,
    );
    return after(
      answer,
      contained(hasEnded => hasEnded && this.connections.disconnect(id)),
    );
  }
}

function tokenUserOf(user: UserOrSession): TokenUser {
  return typeof user === 'object' ? user : { sessionId: user };
}

/**
 * Returns why log-outs reject the token of a user; undefined if they do not.
 *
 * @param ended when its session was ended
 * @param loggedOut when its user was logged out
 */
function problemOf(
  user: TokenUser,
  ended: number | undefined,
  loggedOut: number | undefined,
): string | undefined {
  if (ended !== undefined) return 'the session was ended';
  if (loggedOut === undefined || isIssuedAfter(user, loggedOut)) return undefined;
  return user.issuedAt === undefined
    ? 'the user was logged out, and the token has no issue time (iat, or issuedAt of the user)'
    : 'the user was logged out after this token was issued';
}
