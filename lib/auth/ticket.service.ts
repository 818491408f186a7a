import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Clock } from '../clock.js';
import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import { Telemetry } from '../monitoring/index.js';
import {
  type ClientUser,
  type JwtKey,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { NonceStore } from '../replay/index.js';
import { EventSigner, type SigningKey } from '../signing/index.js';
import { StoreOutage } from '../store-outage.js';
import { isClientUser } from './is-client-user.js';
import { TicketUserError } from './ticket-user.error.js';

/** Tells a ticket from a token; no JSON Web Token starts like this. */
const PREFIX = 'ticket.';
/** Names the key of tickets: no other key of this library, nor any of the application's, signs one. */
const KEY_INFO = 'semantic-events/v1/ticket';
const AUDIENCE = 'semantic-events/ticket';
const TYPE = 'ticket+jwt';
const ALGORITHM = 'HS256';
const ID_BYTES = 24;
/** The largest user a ticket holds, in bytes of JSON. */
const MAX_USER_SIZE = 4_096;

/** What a ticket may be tied to, and where one comes from. */
export interface TicketBinding {
  readonly origin?: string;
  readonly address?: string;
}

export interface IssuedTicket {
  readonly ticket: string;
  /** How long it may be redeemed, in milliseconds. */
  readonly expiresIn: number;
}

interface TicketClaims extends TicketBinding {
  readonly jti: string;
  /** Seconds, as in any JWT. */
  readonly iat: number;
  readonly exp: number;
  readonly user: ClientUser;
}

/**
 * Short-lived, single-use tickets: what a browser that is logged in over HTTP puts into its `auth` frame, so
 * that no long-lived token has to be within reach of its scripts. Nothing is kept of a ticket until it is used.
 */
@Injectable()
export class TicketService {
  private readonly jwt = new JwtService({});
  /** A ticket that may have been used is worth nothing: there is no other policy. */
  private readonly outage: StoreOutage;
  private latest = 0;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly signer: EventSigner,
    private readonly nonces: NonceStore,
    private readonly clock: Clock,
    @Optional() telemetry?: Telemetry,
  ) {
    this.outage = new StoreOutage('tickets', 'deny', clock, undefined, telemetry);
  }

  /** Whether a credential claims to be a ticket. */
  static isTicket(credential: string): boolean {
    return credential.startsWith(PREFIX);
  }

  /**
   * A ticket for a user, redeemed by putting it into an `auth` frame.
   *
   * @param user travels in the ticket, where its bearer can read it; at most 4096 bytes of JSON
   * @param binding the origin and address it is to be worth something from; anywhere, when left out
   * @throws TicketUserError for a user without an id, one that is too large or has no JSON form
   * @throws RefusalError `UNAVAILABLE` when no signing key is in force
   */
  issue(user: ClientUser, { origin, address }: TicketBinding = {}): IssuedTicket {
    const expiresIn = this.options.auth.ticketLifetime;
    const { id, key } = this.signer.purposeKey(KEY_INFO);
    const now = this.clock.now();
    const claims = {
      user: claimOf(user),
      origin,
      address,
      aud: AUDIENCE,
      jti: randomBytes(ID_BYTES).toString('base64url'),
      iat: now / 1000,
      exp: (now + expiresIn) / 1000,
    };
    const header = { alg: ALGORITHM, typ: TYPE, kid: id };
    const token = this.jwt.sign(claims, { secret: secretOf(key), algorithm: ALGORITHM, header });
    return { ticket: PREFIX + token, expiresIn };
  }

  /**
   * Uses a ticket up, in one atomic step and only if everything else about it is right.
   *
   * @param peer where it was presented from
   * @param accept has the last word before the ticket is used up; refuses by throwing
   * @returns what `accept` made of the user
   * @throws RefusalError `AUTH_FAILED`, or `UNAVAILABLE` when the nonce store is; a promise rejects with it
   */
  redeem<T>(ticket: string, peer: TicketBinding, accept: (user: ClientUser) => T): MaybePromise<T> {
    const claims = this.read(ticket);
    if (!isBoundTo(claims, peer)) throw new RefusalError('AUTH_FAILED');
    const accepted = accept(claims.user);
    return after(this.useUp(claims), isFirst => {
      if (!isFirst) throw new RefusalError('AUTH_FAILED');
      return accepted;
    });
  }

  /** Makes a ticket worthless. @returns whether it was worth anything until now */
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
    const key = `ticket:${jti}`;
    const use = () => this.nonces.use(key, Math.ceil(exp * 1000), Math.floor(iat * 1000));
    return recovering(
      () => this.outage.during(use),
      error => {
        // The store may have forgotten it, which its bearer need not know.
        if (error instanceof RefusalError && error.code === 'EVENT_EXPIRED') return false;
        throw error;
      },
    );
  }

  /** The claims of a ticket that we issued and that has not expired. */
  private read(ticket: string): TicketClaims {
    try {
      const token = ticket.slice(PREFIX.length);
      // A clock set back would bring tickets back whose use is forgotten.
      this.latest = Math.max(this.latest, this.clock.now());
      const { header, payload } = this.jwt.verify<{ header: { typ?: string }; payload: object }>(
        token,
        {
          secret: secretOf(this.keyOf(token)),
          algorithms: [ALGORITHM],
          audience: AUDIENCE,
          clockTimestamp: this.latest / 1000,
          complete: true,
        },
      );
      if (TicketService.isTicket(ticket) && header.typ === TYPE) return payload as TicketClaims;
    } catch {
      // Why a ticket was refused is nothing its bearer should learn.
    }
    throw new RefusalError('AUTH_FAILED');
  }

  private keyOf(token: string): SigningKey['key'] {
    const decoded: unknown = this.jwt.decode(token, { complete: true });
    const id = (decoded as { header: { kid?: unknown } } | null)?.header.kid;
    const found = typeof id === 'string' ? this.signer.findPurposeKey(KEY_INFO, id) : undefined;
    if (!found) throw new RefusalError('AUTH_FAILED');
    return found.key;
  }
}

function claimOf(user: ClientUser): ClientUser {
  if (!isClientUser(user)) throw new TicketUserError('A ticket needs a user with an id');
  let text: string;
  try {
    text = JSON.stringify(user);
  } catch {
    throw new TicketUserError('The user of a ticket must have a JSON form');
  }
  if (Buffer.byteLength(text) > MAX_USER_SIZE)
    throw new TicketUserError(`The user of a ticket may have ${MAX_USER_SIZE} bytes of JSON`);
  const claim: unknown = JSON.parse(text);
  if (!isClientUser(claim)) throw new TicketUserError('The JSON form of a user needs its id');
  return claim;
}

function isBoundTo({ origin, address }: TicketClaims, peer: TicketBinding): boolean {
  return (
    (origin === undefined || origin === peer.origin) &&
    (address === undefined || address === peer.address)
  );
}

/** A KeyObject is what jsonwebtoken takes; @nestjs/jwt's type does not say so. */
function secretOf(key: JwtKey): string {
  return key as string;
}
