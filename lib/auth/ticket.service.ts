import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import { Telemetry } from '../monitoring/index.js';
import {
  type ClientUser,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { NonceStore } from '../replay/index.js';
import { EventSigner, type PurposeKeys } from '../signing/index.js';
import { StoreOutage } from '../store-outage.js';
import { isClientUser, userProblem } from './is-client-user.js';
import { mayShareHost } from '../connection/index.js';
import { readToken, signToken } from './ticket-token.js';
import { TicketUserError } from './ticket-user.error.js';
import { badToken } from './token-claims.js';

/** Distinguishes a ticket from a token: no JSON Web Token starts with it. */
const PREFIX = 'ticket.';
/** The HKDF purpose of ticket keys. No other key of this library or of the application can sign a ticket. */
const KEY_INFO = 'semantic-events/v1/ticket';
/** Separates the nonces of tickets from those of events. */
const NONCE_SCOPE = 'ticket';
const AUDIENCE = 'semantic-events/ticket';
const ID_BYTES = 24;
/** The maximum size of the user in a ticket, in bytes of JSON. */
const MAX_USER_SIZE = 4_096;

/** The origin and address that a ticket is bound to, or that it was presented from. */
export interface TicketBinding {
  readonly origin?: string;
  /** An IP address. For an IPv6 address only its /64 counts. */
  readonly address?: string;
  /** Whether an IPv4 address never matches an IPv6 address. @default false */
  readonly isStrict?: boolean;
}

export interface IssuedTicket {
  readonly ticket: string;
  /** The time in which the ticket can be redeemed, in milliseconds. */
  readonly expiresIn: number;
}

interface TicketClaims extends TicketBinding {
  readonly aud: string;
  readonly jti: string;
  /** The time of issue in seconds, as in any JWT. */
  readonly iat: number;
  readonly exp: number;
  readonly user: ClientUser;
}

/**
 * Issues and redeems short-lived, single-use tickets. A browser that is logged in over HTTP sends a ticket in its `auth`
 * frame, so its scripts need no long-lived token. The server stores nothing about a ticket until it is used.
 */
@Injectable()
export class TicketService {
  /** Rejects tickets while the store is down: a ticket may have been used already. There is no other policy. */
  private readonly outage: StoreOutage;
  private readonly keys: PurposeKeys;
  private latest = 0;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    signer: EventSigner,
    private readonly nonces: NonceStore,
    private readonly clock: Clock,
    @Optional() telemetry?: Telemetry,
  ) {
    this.keys = signer.purposeKeys(KEY_INFO);
    this.outage = new StoreOutage('tickets', 'deny', clock, undefined, telemetry);
  }

  /** Returns whether a credential has the form of a ticket. */
  static isTicket(credential: string): boolean {
    return credential.startsWith(PREFIX);
  }

  /**
   * Issues a ticket for a user. The client redeems it by sending it in an `auth` frame.
   *
   * @param user is stored in the ticket, where the client can read it; at most 4096 bytes of JSON. Without `issuedAt`, it
   * counts as issued with the ticket
   * @param binding the origin and address that may redeem the ticket; without it, any may
   * @throws TicketUserError if the user has no id, is too large or has no JSON form
   * @throws RefusalError `UNAVAILABLE` if no signing key is in force
   */
  issue(user: ClientUser, { origin, address, isStrict }: TicketBinding = {}): IssuedTicket {
    const expiresIn = this.options.auth.ticketLifetime;
    const now = this.clock.now();
    const claims = {
      user: claimOf(user),
      origin,
      address,
      isStrict: isStrict === true || undefined,
      aud: AUDIENCE,
      jti: randomBytes(ID_BYTES).toString('base64url'),
      iat: now / 1000,
      exp: (now + expiresIn) / 1000,
    };
    return { ticket: PREFIX + signToken(claims, this.keys.current), expiresIn };
  }

  /**
   * Uses up a ticket in one atomic step, and only if all other checks succeed.
   *
   * @param peer the origin and address that the ticket was presented from
   * @param accept runs last, before the ticket is used up; rejects the ticket by throwing. Its user has an `issuedAt`
   * @returns the result of `accept`
   * @throws RefusalError `AUTH_FAILED`, or `UNAVAILABLE` if the nonce store is down; a promise rejects with it
   */
  redeem<T>(ticket: string, peer: TicketBinding, accept: (user: ClientUser) => T): MaybePromise<T> {
    const claims = this.read(ticket);
    const problem = bindingProblem(claims, peer);
    if (problem) throw badToken(problem);
    const accepted = accept(userOf(claims));
    return after(this.useUp(claims), isFirst => {
      if (!isFirst) throw badToken('the ticket was used before');
      return accepted;
    });
  }

  /** Makes a ticket invalid. @returns whether it was valid until now */
  revoke(ticket: string): MaybePromise<boolean> {
    let claims: TicketClaims;
    try {
      claims = this.read(ticket);
    } catch {
      return false;
    }
    return this.useUp(claims);
  }

  private useUp({ jti, iat, exp }: TicketClaims): MaybePromise<boolean> {
    const use = () =>
      this.nonces.useNonce(NONCE_SCOPE, jti, Math.ceil(exp * 1000), Math.round(iat * 1000));
    return recovering(
      () => this.outage.during(use),
      error => {
        // The store may have dropped the nonce already. The client need not know that.
        if (RefusalError.is(error) && error.code === 'EVENT_EXPIRED') return false;
        throw error;
      },
    );
  }

  /** Returns the claims of a ticket that this server issued and that has not expired. */
  private read(ticket: string): TicketClaims {
    let reason = 'no key in force has signed this ticket';
    try {
      // If the clock is set back, used tickets whose nonce was dropped must not become valid again.
      this.latest = Math.max(this.latest, this.clock.now());
      const claims = readToken(ticket.slice(PREFIX.length), id => this.keys.find(id)?.key) as
        TicketClaims | undefined;
      if (TicketService.isTicket(ticket) && claims?.aud === AUDIENCE) {
        if (this.latest < claims.exp * 1000) return claims;
        reason = 'the ticket has expired (auth.ticketLifetime)';
      }
    } catch {
      // The client must not learn why its ticket is rejected.
    }
    throw badToken(reason);
  }
}

/** Returns the user of a ticket. Without an issue time of its own, the user counts as authenticated when the ticket was issued. */
function userOf({ user, iat }: TicketClaims): ClientUser {
  return { ...user, issuedAt: user.issuedAt ?? Math.round(iat * 1000) };
}

function claimOf(user: ClientUser): ClientUser {
  if (!isClientUser(user))
    throw new TicketUserError(`A ticket needs a user with an id: ${userProblem(user)}`);
  let text: string;
  try {
    text = JSON.stringify(user);
  } catch {
    throw new TicketUserError('The user of a ticket must be a value that JSON can represent');
  }
  if (Buffer.byteLength(text) > MAX_USER_SIZE)
    throw new TicketUserError(
      `The user of a ticket may have at most ${MAX_USER_SIZE} bytes of JSON`,
    );
  const claim: unknown = JSON.parse(text);
  if (!isClientUser(claim))
    throw new TicketUserError('The JSON form of the user must contain its id');
  return claim;
}

function bindingProblem(
  { origin, address, isStrict = false }: TicketClaims,
  peer: TicketBinding,
): string | undefined {
  if (origin !== undefined && origin !== peer.origin)
    return 'the ticket is bound to another origin';
  if (address !== undefined && !mayShareHost(address, peer.address ?? '', isStrict))
    return 'the ticket is bound to another address (auth.ticketRoute.bind)';
  return undefined;
}
