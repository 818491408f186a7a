import { errorName, isError } from './describe-error.js';
import { safeText } from './safe-text.js';

/** Returns the reason for an unexpected error. It omits the message, which may contain client data. */
export function thrown(error: unknown): string {
  return isError(error)
    ? `${safeText(errorName(error))} was thrown`
    : `something that is not an Error was thrown: ${typeof error}`;
}
