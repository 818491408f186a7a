import { isVerdict, RefusalException } from '../handler/index.js';
import { inTime, isThenable, recovering } from '../maybe-promise.js';
import { type FailureLog, thrown } from '../monitoring/index.js';
import { isInstance, RefusalError } from '../protocol/index.js';

/**
 * Wraps a callback of the application. If the callback fails or takes too long, the wrapper throws `UNAVAILABLE` and logs
 * the failure. A rejection by the callback becomes `AUTH_FAILED`.
 *
 * @param name the name of the option, for the log
 * @param timeout milliseconds
 * @param failed called with the name and the error of each failure
 */
export function watched<A extends unknown[], R>(
  name: string,
  callback: (...args: A) => R,
  failures: FailureLog,
  timeout: number,
  failed: (name: string, error: unknown) => void = () => undefined,
): (...args: A) => R {
  const fail = (error: unknown): never => {
    if (RefusalError.is(error)) throw error;
    const reason = `${name}: ${thrown(error)}`;
    if (isInstance(error, RefusalException))
      throw new RefusalError(error.code, { reason: error.reason ?? reason });
    if (isVerdict(error)) throw new RefusalError('AUTH_FAILED', { reason });
    failures.log(name, error);
    failed(name, error);
    throw new RefusalError('UNAVAILABLE', { reason });
  };
  return (...args) =>
    recovering<unknown>(() => {
      const result = callback(...args);
      return isThenable(result) ? inTime(result, timeout, `${name} does not answer`) : result;
    }, fail) as R;
}
