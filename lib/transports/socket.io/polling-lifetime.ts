import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Lifetime } from '../../handshake/index.js';
import { contained } from '../../monitoring/index.js';

/**
 * The lifetime of a polling client, from its first request to the end of its session. Such a client uses many TCP connections,
 * one after the other.
 */
export class PollingLifetime extends EventEmitter implements Lifetime {
  destroyed = false;
  private isAdopted = false;

  /** @param response answers the first request. If no session exists when it ends, the lifetime ends too */
  constructor(response: ServerResponse) {
    super();
    response.once(
      'close',
      contained(() => {
        if (!this.isAdopted) this.end();
      }),
    );
  }

  /** Extends the lifetime to the end of a session. */
  adopt(session: { once(event: 'close', listener: () => void): unknown }): void {
    this.isAdopted = true;
    session.once(
      'close',
      contained(() => {
        this.end();
      }),
    );
  }

  private end(): void {
    this.destroyed = true;
    this.emit('close');
  }
}
