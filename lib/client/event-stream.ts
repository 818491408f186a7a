import { SemanticEventsClientError } from './client-error.js';
import { type Deferred, deferred } from './deferred.js';
import type { Unsubscribe } from './subscriptions.js';

/** Events as an async iteration: `for await (const event of client.events('chat.*'))`. */
export interface EventStream<E> extends AsyncIterableIterator<E> {
  /** Settles as the one of `subscribe` does. */
  readonly ready: Promise<void>;
  return(): Promise<IteratorResult<E>>;
}

/**
 * @param max events that may wait for the iteration
 * @param subscribe is given how to add an event, and how to end: with an error, or as if there were no more
 */
export function eventStream<E>(
  max: number,
  subscribe: (
    push: (event: E) => void,
    end: (error?: SemanticEventsClientError) => void,
  ) => Unsubscribe,
): EventStream<E> {
  let buffer: E[] = [];
  let waiting: Deferred<IteratorResult<E>>[] = [];
  let isDone = false;
  let failure: SemanticEventsClientError | undefined;

  const settle = ({ resolve, reject }: Deferred<IteratorResult<E>>) => {
    const error = failure;
    // Told once; after it, there is just no more.
    failure = undefined;
    if (error) reject(error);
    else resolve({ value: undefined, done: true });
  };
  const end = (error?: SemanticEventsClientError) => {
    if (isDone) return;
    isDone = true;
    failure = error;
    waiting.forEach(settle);
    waiting = [];
  };
  const unsubscribe = subscribe(event => {
    const first = waiting.shift();
    if (isDone) return;
    if (first) first.resolve({ value: event, done: false });
    else if (buffer.length < max) buffer.push(event);
    else {
      end(new SemanticEventsClientError('QUEUE_FULL'));
      unsubscribe();
    }
  }, end);

  return {
    ready: unsubscribe.ready,
    next() {
      const next = deferred<IteratorResult<E>>();
      if (buffer.length > 0) next.resolve({ value: buffer.shift() as E, done: false });
      else if (isDone) settle(next);
      else waiting.push(next);
      return next.promise;
    },
    return() {
      buffer = [];
      failure = undefined;
      end();
      unsubscribe();
      return this.next();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
