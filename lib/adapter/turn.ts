import { AsyncResource } from 'node:async_hooks';

/** Something to do at the end of a turn of the event loop. */
export interface TurnWork {
  endTurn(): void;
}

/**
 * Has what came in during a turn of the event loop handled at its end, all of it one after the other: that costs less
 * than a part at a time, between what the system and Node do to read the next.
 */
export class Turn {
  private work: TurnWork[] = [];
  private readonly end = () => {
    const { work } = this;
    this.work = [];
    let next = 0;
    try {
      while (next < work.length) work[next++]?.endTurn();
    } finally {
      // What one of them throws is nothing to the others.
      for (const other of work.slice(next)) this.wait(other);
    }
  };

  wait(work: TurnWork): void {
    if (this.work.push(work) === 1) setImmediate(this.end);
  }
}

/**
 * The messages of one connection that wait, and the asynchronous context they came in: what a guard keeps there of one
 * client is nothing for the next.
 */
export class Arrivals extends AsyncResource {
  readonly messages: Buffer[] = [];

  constructor() {
    super('Arrivals');
  }
}
