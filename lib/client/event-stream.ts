import { SemanticEventsClientError } from './client-error.js';
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
  const buffer: E[] = [];
  let ended: { error?: SemanticEventsClientError } | undefined;
  let wake = () => undefined as unknown;
  /** One is served after the other. */
  let served: Promise<unknown> = Promise.resolve();

  const end = (error?: SemanticEventsClientError) => {
    ended ??= { error };
    wake();
  };
  const unsubscribe = subscribe(event => {
    if (buffer.length < max) {
      buffer.push(event);
      wake();
    } else {
      end(new SemanticEventsClientError('QUEUE_FULL'));
      unsubscribe();
    }
  }, end);

  const take = async (): Promise<IteratorResult<E>> => {
    while (buffer.length === 0 && !ended)
      await new Promise(resolve => {
        wake = () => {
          resolve(undefined);
        };
      });
    if (buffer.length > 0) return { value: buffer.shift() as E, done: false };
    const error = ended?.error;
    // Told once; after it, there is just no more.
    ended = {};
    if (error) throw error;
    return { value: undefined, done: true };
  };

  return {
    ready: unsubscribe.ready,
    next() {
      const next = served.then(take);
      served = next.catch(() => undefined);
      return next;
    },
    return() {
      buffer.length = 0;
      ended = {};
      wake();
      unsubscribe();
      return this.next();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
