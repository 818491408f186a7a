/**
 * What a port answers: at once where it keeps things in memory, later where it asks somebody else. The rest of
 * the library follows suit, so that nothing waits for a turn of the event loop that does not have to.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value, at once where it is there. */
export function after<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isThenable(value) ? Promise.resolve(value).then(next) : next(value);
}

/** A promise of any kind: of another realm, or of a library of its own. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

/** Tries something, and makes good what it throws or rejects with. */
export function recovering<T>(
  attempt: () => MaybePromise<T>,
  recover: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const value = attempt();
    return isThenable(value) ? Promise.resolve(value).catch(recover) : value;
  } catch (error) {
    return recover(error);
  }
}

/**
 * Waits for something, but no longer than a time.
 *
 * @param time in milliseconds
 * @param late what is said where that is over
 */
export async function inTime<T>(work: PromiseLike<T>, time: number, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(late));
    }, time);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
