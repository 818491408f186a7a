import { AsyncResource } from 'node:async_hooks';
import { attempt, contained } from '../../monitoring/index.js';

/** A connection with waiting messages. */
type Waiting = { endBatch(): void };

/**
 * Handles all messages that arrive during a turn of the event loop together, at its end. This costs less than handling each one
 * between two reads of the system.
 */
export class ReceiveBatch {
  private waiting: Waiting[] = [];
  private readonly end = contained(() => {
    const { waiting } = this;
    this.waiting = [];
    for (const one of waiting)
      attempt(() => {
        one.endBatch();
      });
  });

  wait(one: Waiting): void {
    if (this.waiting.push(one) === 1) setImmediate(this.end);
  }
}

/**
 * The waiting messages of one connection, and the asynchronous context they arrived in. A guard may store data of its client
 * there, which other clients must not see.
 */
export class Arrivals extends AsyncResource {
  readonly messages: Buffer[] = [];

  constructor() {
    super('Arrivals');
  }
}
