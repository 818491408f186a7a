import { randomUUID } from 'node:crypto';
import type { ClientUser, Handshake } from '../options/index.js';

/** Counts the messages of a connection. */
export interface ClientCounters {
  /** Received messages. */
  received: number;
  /** Sent messages. */
  sent: number;
  /** Refused messages. */
  refused: number;
}

/** The client of one connection, for the application. */
export class Client<U extends ClientUser = ClientUser> {
  /** Unique; chosen by the server. */
  readonly id = randomUUID();

  readonly counters: ClientCounters = { received: 0, sent: 0, refused: 0 };

  /** When the last message arrived, in milliseconds since the Unix epoch. */
  lastActivityAt: number;

  #handshake: Handshake;
  #user: U | undefined;
  #expiresAt: number | undefined;

  /** @param connectedAt when the connection was opened, in milliseconds since the Unix epoch */
  constructor(
    handshake: Handshake,
    readonly connectedAt: number,
  ) {
    this.#handshake = handshake;
    this.lastActivityAt = connectedAt;
  }

  /** The facts of the handshake. They are private, because headers contain cookies and credentials that a log must not show. */
  get handshake(): Handshake {
    return this.#handshake;
  }

  /** The client's IP address. */
  get address(): string {
    return this.#handshake.address;
  }

  /** The origin of the page that the client runs in; undefined if the client is not a browser. */
  get origin(): string | undefined {
    return this.#handshake.origin;
  }

  /** The authenticated user; undefined before authentication. */
  get user(): U | undefined {
    return this.#user;
  }

  /** When the session ends, in milliseconds since the Unix epoch. */
  get expiresAt(): number | undefined {
    return this.#expiresAt;
  }

  /**
   * Authenticates the client as a user, or renews the session of the same user.
   *
   * @param expiresAt when the session ends, in milliseconds since the Unix epoch
   * @returns false if the client is already another user; nothing changes then
   */
  authenticateAs(user: U, expiresAt: number): boolean {
    if (this.user && String(this.user.id) !== String(user.id)) return false;
    this.#user = user;
    this.#expiresAt = expiresAt;
    return true;
  }
}
