import type { AuthenticatedSession } from '../auth/index.js';
import type { Client, ConnectionSlot } from '../connection/index.js';
import { after, isThenable } from '../maybe-promise.js';
import {
  type Code,
  RefusalError,
  type RefusalDetails,
  type ServerFrame,
} from '../protocol/index.js';
import { asRefusal } from './as-refusal.js';
import type { ConnectionServices } from './connection-services.js';
import type { ServedEndpoint } from './served-endpoint.js';

/** How long before a session ends its client is told, in milliseconds. */
const WARNING = 30_000;

/** Where a session's frames go. */
export interface SessionOutlet {
  readonly client: Client;
  readonly slot: ConnectionSlot;
  readonly endpoint: Pick<ServedEndpoint, 'services' | 'isOpenToAll'>;
  readonly isOpen: boolean;
  tell(frame: ServerFrame): void;
  /** Told when the client has its user. */
  authenticated(): void;
  refuse(code: Code, details?: RefusalDetails): void;
  end(code: Code, details?: RefusalDetails): void;
}

/** The session of one connection: from the auth frame, over its renewals, to its end. */
export class Session {
  private readonly authDeadline: number;
  /** An end of the session that was told to the client: also in monotonic milliseconds, where no clock is set back. */
  private told: { readonly expiresAt: number; readonly endsAt: number } | undefined;
  private isAuthenticating = false;
  private isWarned = false;

  constructor(private readonly outlet: SessionOutlet) {
    const { clock, options } = this.services;
    // Whole, because other numbers take memory of their own in each connection.
    this.authDeadline = Math.ceil(clock.monotonic() + options.auth.timeout);
  }

  /** Takes an auth frame; answers at once where the validation does. */
  authenticate(token: string): void {
    if (this.isAuthenticating && !this.outlet.client.user) {
      // Before there is a session, a second token while the first is looked at is a race, no renewal.
      this.outlet.refuse('AUTH_FAILED');
      return;
    }
    try {
      const { authenticator } = this.services;
      const session = authenticator.authenticate(token, this.outlet.client.handshake);
      const welcomed = after(session, result => this.welcome(result));
      if (!isThenable(welcomed)) return;
      this.isAuthenticating = true;
      void welcomed
        .catch((error: unknown) => {
          this.refuse(error);
        })
        .finally(() => {
          this.isAuthenticating = false;
        });
    } catch (error) {
      this.refuse(error);
    }
  }

  checkDeadlines(): void {
    const { clock } = this.services;
    const { user, expiresAt = Infinity } = this.outlet.client;
    if (!user) {
      if (!this.outlet.endpoint.isOpenToAll && clock.monotonic() >= this.authDeadline)
        this.outlet.end('AUTH_TIMEOUT');
      return;
    }
    // Unless the application has given the client another end by itself.
    const endsAt = this.told?.expiresAt === expiresAt ? this.told.endsAt : Infinity;
    const left = Math.min(expiresAt - clock.now(), endsAt - clock.monotonic());
    if (left <= 0) this.outlet.end('SESSION_EXPIRED');
    else if (left <= WARNING && !this.isWarned) this.warn(left);
  }

  private get services(): ConnectionServices {
    return this.outlet.endpoint.services;
  }

  private refuse(error: unknown): void {
    const { code, retryAfter } = asRefusal(error, this.services.logger);
    // Who has no session and may not try again for now has no use for the connection, either.
    if (code === 'RATE_LIMITED' && !this.outlet.client.user) this.outlet.end(code, { retryAfter });
    else this.outlet.refuse(code, { retryAfter });
  }

  private welcome({ user, expiresAt }: AuthenticatedSession) {
    const { client } = this.outlet;
    if (client.user && String(client.user.id) !== String(user.id))
      throw new RefusalError('AUTH_FAILED');
    return after(this.services.connections.claimUser(this.outlet.slot, user.id), hasRoom => {
      if (!this.outlet.isOpen) return;
      if (!hasRoom) {
        this.outlet.end('RATE_LIMITED');
        return;
      }
      // First what may throw: without a key, who was not told that he is somebody is nobody.
      const confirmation = this.confirmationOf(String(user.id), expiresAt);
      if (
        // Ended while the store was asked.
        this.services.sessions.hasEnded(user.sessionId) ||
        !client.authenticateAs(user, expiresAt)
      ) {
        this.outlet.refuse('AUTH_FAILED');
      } else {
        const { clock } = this.services;
        const left = expiresAt - clock.now();
        // Whose new token ends as soon has none that lasts longer: asked again, he would show that one again.
        this.isWarned &&= left <= WARNING;
        this.told = { expiresAt, endsAt: Math.ceil(left + clock.monotonic()) };
        this.outlet.tell(confirmation);
        this.outlet.authenticated();
      }
    });
  }

  private confirmationOf(userId: string, expiresAt: number): ServerFrame {
    const { client } = this.outlet;
    const { id, key } = this.services.signer.sessionKeyOf(client);
    return {
      type: 'auth_success',
      client_id: client.id,
      user_id: userId,
      expires_at: new Date(expiresAt).toISOString(),
      signing: {
        scheme: 'v1',
        key_id: id,
        key: key.export().toString('base64url'),
        broadcast: this.broadcastKey(),
      },
    };
  }

  /** Nothing where there is nothing to subscribe to. */
  private broadcastKey() {
    if (!this.services.hub.isOpen) return undefined;
    const { id, publicKey } = this.services.broadcasts.key;
    return { scheme: 'v1e', key_id: id, public_key: publicKey } as const;
  }

  private warn(left: number): void {
    this.isWarned = true;
    this.outlet.tell({ type: 'auth_expiring', expires_in: Math.ceil(left / 1000) });
  }
}
