import type { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';

interface SpentLimit {
  /** The user of the client. A limit of a user is not the limit of its address. */
  readonly user: unknown;
  /** The time when the next message may pass, in monotonic milliseconds. */
  readonly until: number;
}

/**
 * The messages for which a client has used up its limit. Until then further ones are rejected without any other check,
 * because a flood consists of them. Only messages with a handler are recorded, so their number is bounded.
 */
export class SpentLimits {
  private readonly clients = new WeakMap<Client, Map<string, SpentLimit>>();

  constructor(private readonly clock: Clock) {}

  /** Records a used-up limit. @param retryAfter milliseconds until a message with the same cost may pass */
  note(client: Client, message: string, retryAfter: number): void {
    let limits = this.clients.get(client);
    if (!limits) this.clients.set(client, (limits = new Map<string, SpentLimit>()));
    limits.set(message, { user: client.user, until: this.clock.monotonic() + retryAfter });
  }

  /** Returns the milliseconds until the next message may pass; 0 if the limit is not used up. */
  retryAfter(client: Client, message: string): number {
    const limit = this.clients.get(client)?.get(message);
    return limit && limit.user === client.user
      ? Math.max(0, limit.until - this.clock.monotonic())
      : 0;
  }
}
