import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Lifetime } from '../adapter/index.js';

/**
 * A client that polls comes by many TCP connections, one after the other: its place is taken from its first request
 * until its session ends.
 */
export class PollingLifetime extends EventEmitter implements Lifetime {
  destroyed = false;
  private isAdopted = false;

  /** @param response to the first request, by the end of which there is a session, or never will be */
  constructor(response: ServerResponse) {
    super();
    response.once('close', () => {
      if (!this.isAdopted) this.end();
    });
  }

  /** Goes on for as long as a session does. */
  adopt(session: { once(event: 'close', listener: () => void): unknown }): void {
    this.isAdopted = true;
    session.once('close', () => {
      this.end();
    });
  }

  private end(): void {
    this.destroyed = true;
    this.emit('close');
  }
}
