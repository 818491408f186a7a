import type { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';

interface SpentLimit {
  /** Who the client was: a limit may be another user's than that of an address. */
  readonly user: unknown;
  /** When one more message may pass, in monotonic milliseconds. */
  readonly until: number;
}

/**
 * The messages for which a client has used its limit up: until then more of them are refused without another look, which
 * is what a flood consists of. Only messages that have a handler get in, so there are never more than those.
 */
export class SpentLimits {
  private readonly clients = new WeakMap<Client, Map<string, SpentLimit>>();

  constructor(private readonly clock: Clock) {}

  /** @param retryAfter milliseconds until a message would pass that costs what this one did */
  note(client: Client, message: string, retryAfter: number): void {
    let limits = this.clients.get(client);
    if (!limits) this.clients.set(client, (limits = new Map<string, SpentLimit>()));
    limits.set(message, { user: client.user, until: this.clock.monotonic() + retryAfter });
  }

  /** Milliseconds until one more message may pass; 0 where nothing speaks against it. */
  retryAfter(client: Client, message: string): number {
    const limit = this.clients.get(client)?.get(message);
    return limit && limit.user === client.user
      ? Math.max(0, limit.until - this.clock.monotonic())
      : 0;
  }
}
