import { SemanticEventsClientError } from './client-error.js';
import type { Unsubscribe } from './subscriptions.js';

/** Events as an async iteration: `for await (const event of client.events('chat.*'))`. */
export interface EventStream<E> extends AsyncIterableIterator<E> {
  /** Settles like `ready` of `subscribe()`. */
  readonly ready: Promise<void>;
  return(): Promise<IteratorResult<E>>;
}

/**
 * Queues the events of a subscription for an async iteration.
 *
 * @param max the maximum number of queued events; one more ends the iteration with `QUEUE_FULL`
 * @param subscribe receives a function that adds an event, and one that ends the iteration, with or without an
 * error
 */
export function eventStream<E>(
  max: number,
  subscribe: (
    push: (event: E) => void,
    end: (error?: SemanticEventsClientError) => void,
  ) => Unsubscribe,
): EventStream<E> {
  const buffer: E[] = [];
  let isEnded = false;
  let failure: SemanticEventsClientError | undefined;
  let wake: () => void = () => undefined;

  const end = (error?: SemanticEventsClientError) => {
    if (!isEnded) failure = error;
    isEnded = true;
    wake();
  };
  const unsubscribe = subscribe(event => {
    if (buffer.push(event) > max) {
      buffer.pop();
      end(new SemanticEventsClientError('QUEUE_FULL'));
      unsubscribe();
    }
    wake();
  }, end);

  const events = (async function* () {
    for (;;) {
      if (buffer.length > 0) yield buffer.shift() as E;
      else if (failure) throw failure;
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while this waits
      else if (isEnded) return;
      else
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    }
  })();
  const finish = events.return.bind(events);
  return Object.assign(events, {
    ready: unsubscribe.ready,
    return() {
      // `return()` of a generator waits until its pending `await` settles, so end the wait first.
      buffer.length = 0;
      end();
      unsubscribe();
      return finish();
    },
  });
}
