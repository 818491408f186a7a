import { randomUUID } from 'node:crypto';
import type { ClientUser, Handshake } from '../options/index.js';

/** What went over a connection so far. */
export interface ClientCounters {
  /** Messages that came in. */
  received: number;
  /** Messages that went out. */
  sent: number;
  /** Messages that were refused. */
  refused: number;
}

/** What an application may know of the peer of one connection. */
export class Client<U extends ClientUser = ClientUser> {
  /** Unique; chosen by the server. */
  readonly id = randomUUID();

  readonly counters: ClientCounters = { received: 0, sent: 0, refused: 0 };

  /** When the last message came in, in milliseconds since the Unix epoch. */
  lastActivityAt: number;

  #handshake: Handshake;
  #user: U | undefined;
  #expiresAt: number | undefined;

  /** @param connectedAt when the connection was made, in milliseconds since the Unix epoch */
  constructor(
    handshake: Handshake,
    readonly connectedAt: number,
  ) {
    this.#handshake = handshake;
    this.lastActivityAt = connectedAt;
  }

  /** The headers carry cookies and credentials: private, so that logging a client does not show them. */
  get handshake(): Handshake {
    return this.#handshake;
  }

  /** The client's IP address. */
  get address(): string {
    return this.#handshake.address;
  }

  /** The origin of the page the client runs in; undefined when it is no browser. */
  get origin(): string | undefined {
    return this.#handshake.origin;
  }

  /** Who the client has proved to be; undefined before authentication. */
  get user(): U | undefined {
    return this.#user;
  }

  /** When the session ends, in milliseconds since the Unix epoch. */
  get expiresAt(): number | undefined {
    return this.#expiresAt;
  }

  /**
   * Takes the client for a user from here on, or renews the session of the same user.
   *
   * @param expiresAt when the session ends, in milliseconds since the Unix epoch
   * @returns false, and changes nothing, when the client is somebody else already
   */
  authenticateAs(user: U, expiresAt: number): boolean {
    if (this.user && String(this.user.id) !== String(user.id)) return false;
    this.#user = user;
    this.#expiresAt = expiresAt;
    return true;
  }
}
