import type { LoggerService } from '@nestjs/common';
import { safeText } from './safe-text.js';

const MAX_MESSAGE_LENGTH = 500;

/**
 * Logs an error that nobody expected, with its stack. What a peer has sent may be in its message, as
 * `JSON.parse` puts it there: that must not look like lines of the log.
 */
export function logUnexpected(logger: Pick<LoggerService, 'error'>, error: unknown): void {
  if (!(error instanceof Error)) {
    logger.error(`Not an error, but thrown: ${typeof error}`);
    return;
  }
  const head = `${error.name}: ${error.message}`;
  const stack = error.stack?.startsWith(head) ? error.stack.slice(head.length) : '';
  logger.error(safeText(head, MAX_MESSAGE_LENGTH) + stack);
}
