import { recovering } from '../maybe-promise.js';
import type { FailureLog } from '../monitoring/index.js';
import { RefusalError } from '../protocol/index.js';

/**
 * A function of the application that does the same, and has its operator told when it fails: whoever is refused
 * over that does not learn why. A RefusalError is no failure but an answer.
 *
 * @param name of the option it was given as
 */
export function watched<A extends unknown[], R>(
  name: string,
  callback: (...args: A) => R,
  failures: FailureLog,
): (...args: A) => R {
  const tell = (error: unknown): never => {
    if (!(error instanceof RefusalError)) failures.tell(name, error);
    throw error;
  };
  return (...args) => recovering<unknown>(() => callback(...args), tell) as R;
}
