export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Creates a promise that is settled from outside. An unhandled rejection of it does not end the process. */
export function deferred<T>(): Deferred<T> {
  const settle: Partial<Deferred<T>> = {};
  const promise = new Promise<T>((resolve, reject) => {
    Object.assign(settle, { resolve, reject });
  });
  promise.catch(() => undefined);
  return { promise, ...(settle as Omit<Deferred<T>, 'promise'>) };
}
