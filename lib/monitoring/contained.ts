import { Logger } from '@nestjs/common';
import { recovering } from '../maybe-promise.js';
import { logUnexpected } from './log-unexpected.js';

const logger = new Logger('SemanticEvents');

/**
 * Wraps a callback for an object that this library does not own: a socket, a server, a timer, a hook. An error or rejection of
 * the callback would end the process there. The wrapper logs it, and never throws.
 *
 * @param failed cleans up after a failure, for example closes the connection
 */
export function contained<This, A extends unknown[]>(
  callback: (this: This, ...args: A) => unknown,
  failed?: (error: unknown, ...args: A) => void,
): (this: This, ...args: A) => void {
  return function (...args) {
    void recovering(
      () => callback.apply(this, args),
      error => {
        logUnexpected(logger, error);
        if (failed)
          attempt(() => {
            failed(error, ...args);
          });
      },
    );
  };
}

/** Runs a callback at once. Logs its failure, and never throws. */
export function attempt(callback: () => unknown): void {
  void recovering<unknown>(callback, error => {
    logUnexpected(logger, error);
  });
}
