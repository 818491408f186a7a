import { setImmediate } from 'node:timers';

/**
 * The result of a port: a value if it works in memory, a promise if it calls another process. The library handles both, so
 * a value never has to wait for the event loop.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Continues with a value: at once, or when its promise resolves. */
export function after<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isThenable(value) ? Promise.resolve(value).then(next) : next(value);
}

/** Collects values: at once, or when all their promises have resolved. */
export function all<T>(values: readonly MaybePromise<T>[]): MaybePromise<T[]> {
  return values.some(isThenable) ? Promise.all(values) : (values as T[]);
}

/** Returns whether a value is a promise of any kind, including those of another realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

/** Calls a function and recovers from its error or rejection. */
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
 * Calls a function for each item, and waits for the promises that the calls return. If a call throws, no further item is called.
 * Rejections of earlier calls then count as handled: an unhandled one would end the process.
 *
 * @throws the error of a call that throws; rejects with the first rejection
 */
export function callEach<T>(
  items: Iterable<T>,
  call: (item: T) => MaybePromise<unknown>,
): MaybePromise<void> {
  const pending: PromiseLike<unknown>[] = [];
  try {
    for (const item of items) {
      const result = call(item);
      if (isThenable(result)) pending.push(result);
    }
  } catch (error) {
    Promise.allSettled(pending).catch(() => undefined);
    throw error;
  }
  if (pending.length > 0) return Promise.all(pending).then(() => undefined);
}

const OVER = Symbol('over');

/**
 * Waits for a promise, up to a time limit. If the process itself was stopped or busy past the limit, an answer that has arrived
 * meanwhile still counts: the event loop runs timers first, and reads sockets afterwards.
 *
 * @param time the limit, in milliseconds
 * @param late the error, or its message, after the limit
 */
export async function inTime<T>(
  work: PromiseLike<T>,
  time: number,
  late: string | Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = async (): Promise<typeof OVER> => {
    await new Promise(resolve => (timer = setTimeout(resolve, time)));
    await new Promise(resolve => setImmediate(resolve));
    return OVER;
  };
  try {
    const result = await Promise.race([work, over()]);
    if (result !== OVER) return result;
    throw typeof late === 'string' ? new Error(late) : late;
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a promise, but not longer than a time. @param time milliseconds */
export async function within(time: number, work: PromiseLike<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([work, new Promise(resolve => (timer = setTimeout(resolve, time)))]);
  } finally {
    clearTimeout(timer);
  }
}

/** The maximum depth of a search for promises. JSON of more levels is not sent. */
const MAX_DEPTH = 128;

/**
 * Marks the rejections of all promises in a value as handled. An unhandled rejection would end the process.
 *
 * @returns whether the value contains a promise
 */
export function ignoreRejections(value: unknown): boolean {
  return search(value, MAX_DEPTH, new Set());
}

/** @throws TypeError if the result of a handler contains a promise. Its rejection then counts as handled. */
export function assertAwaited(result: unknown): void {
  if (ignoreRejections(result))
    throw new TypeError('The result of a handler has a promise in it: await it');
}

function search(value: unknown, depth: number, seen: Set<object>): boolean {
  if (typeof value !== 'object' || value === null || depth === 0 || seen.has(value)) return false;
  seen.add(value);
  let found = false;
  try {
    if (value instanceof Promise) {
      value.catch(() => undefined);
      return true;
    }
    // Bytes have no promises, and as many members as bytes.
    if (ArrayBuffer.isView(value)) return false;
    for (const member of Array.isArray(value) ? (value as unknown[]) : Object.values(value))
      if (search(member, depth - 1, seen)) found = true;
  } catch {
    // Reading a member threw: such a value has no JSON either.
  }
  return found;
}
