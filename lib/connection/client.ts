import { randomUUID } from 'node:crypto';
import type { ClientUser, Handshake } from '../options/index.js';

/** What an application may know of the peer of one connection. */
export class Client<U extends ClientUser = ClientUser> {
  /** Unique; chosen by the server. */
  readonly id = randomUUID();

  #session: { user: U; expiresAt: number } | undefined;

  constructor(
    readonly handshake: Handshake,
    /** When the connection was made, in milliseconds since the Unix epoch. */
    readonly connectedAt: number,
  ) {}

  /** The client's IP address. */
  get address(): string {
    return this.handshake.address;
  }

  /** Who the client has proved to be; undefined before authentication. */
  get user(): U | undefined {
    return this.#session?.user;
  }

  /** When the session ends, in milliseconds since the Unix epoch. */
  get expiresAt(): number | undefined {
    return this.#session?.expiresAt;
  }

  /**
   * Takes the client for a user from here on, or renews the session of the same user.
   *
   * @param expiresAt when the session ends, in milliseconds since the Unix epoch
   * @returns false, and changes nothing, when the client is somebody else already
   */
  authenticateAs(user: U, expiresAt: number): boolean {
    if (this.user && String(this.user.id) !== String(user.id)) return false;
    this.#session = { user, expiresAt };
    return true;
  }
}
