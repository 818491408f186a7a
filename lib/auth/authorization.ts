import { type ExecutionContext, Logger } from '@nestjs/common';
import { isVerdict, RefusalException, refusing } from '../handler/index.js';
import { inTime, isThenable } from '../maybe-promise.js';
import { logUnexpected, thrown } from '../monitoring/index.js';
import { isInstance, RefusalError } from '../protocol/index.js';

const logger = new Logger('Authorization');

/**
 * Runs an authorization check in a guard. Only `true` accepts an event; any other result is `FORBIDDEN`. If the check fails
 * or does not answer in time, the event is rejected with `UNAVAILABLE`.
 *
 * @param name the name of the check, for operators
 * @param timeout milliseconds
 */
export function authorizing(
  context: ExecutionContext,
  check: () => unknown,
  name: string,
  timeout: number,
): true | Promise<true> {
  return refusing(context, () => {
    const pass = (allowed: unknown): true => {
      if (allowed !== true) throw new RefusalError('FORBIDDEN', { reason: `${name} said no` });
      return true;
    };
    try {
      const allowed = check();
      if (!isThenable(allowed)) return pass(allowed);
      return inTime(allowed, timeout, `${name} does not answer`)
        .catch((error: unknown) => rethrowRejection(name, error))
        .then(pass);
    } catch (error) {
      return rethrowRejection(name, error);
    }
  });
}

/** Rethrows a rejection. Any other error becomes `UNAVAILABLE`, because the check has not decided. */
export function rethrowRejection(name: string, error: unknown): never {
  if (isVerdict(error) || RefusalError.is(error) || isInstance(error, RefusalException))
    throw error;
  logUnexpected(logger, error, undefined, undefined, name);
  throw new RefusalError('UNAVAILABLE', { reason: `${name}: ${thrown(error)}` });
}
