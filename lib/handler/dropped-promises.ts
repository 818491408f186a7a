import * as v8 from 'node:v8';

interface PromiseHooks {
  onInit(init: (promise: Promise<unknown>) => void): () => void;
}

/** Absent in other runtimes than Node. */
const hooks = Reflect.get(v8, 'promiseHooks') as unknown as PromiseHooks | undefined;

/**
 * Calls a function of a validation library, and marks the rejections of all promises that it creates as handled. If a validator
 * throws, these libraries drop the promises of the asynchronous ones that they have called before. A rejection of one of them would
 * end the process. The returned promise is not affected: its caller awaits it.
 */
export function withoutDroppedPromises<T>(call: () => T): T {
  const created: Promise<unknown>[] = [];
  const stop = hooks?.onInit(promise => {
    created.push(promise);
  });
  try {
    return call();
  } finally {
    stop?.();
    for (const promise of created)
      void Promise.prototype.then.call(promise, undefined, () => undefined);
  }
}
