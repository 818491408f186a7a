import type { LoggerService } from '@nestjs/common';
import type { Clock } from '../clock.js';
import { errorName, errorText, isError } from './describe-error.js';
import { LogLimit } from './log-limit.js';
import { safeText } from './safe-text.js';

const FRAME = /^\s+at /;

/**
 * Logs failures that a client can repeat: one line per interval, with the number of failures since the last line. A line has the
 * name and stack of the error. It omits the message, which may contain client data, such as a token.
 */
export class FailureLog {
  private readonly limit: LogLimit;

  /** @param interval milliseconds between two lines */
  constructor(
    private readonly logger: Pick<LoggerService, 'error'>,
    private readonly clock: Clock,
    interval: number,
  ) {
    this.limit = new LogLimit(1, interval);
  }

  /** @param subject the part of the library that failed */
  log(subject: string, error: unknown): void {
    const skipped = this.limit.take(this.clock.monotonic());
    if (skipped === undefined) return;
    const more = skipped > 0 ? ` (${skipped} more failures since the last line)` : '';
    this.logger.error(`${subject} threw ${nameOf(error)}${more}${framesOf(error)}`);
  }
}

/** Describes a thrown value by its name and stack. It omits the message, which may quote client data. */
export function placeOf(error: unknown): string {
  return nameOf(error) + framesOf(error);
}

function nameOf(error: unknown): string {
  return isError(error)
    ? safeText(errorName(error))
    : `a value that is not an Error: ${typeof error}`;
}

function framesOf(error: unknown): string {
  if (!isError(error)) return '';
  const stack = errorText(error, 'stack');
  const message = errorText(error, 'message');
  const start = stack.indexOf(message);
  if (start < 0) return '';
  const lines = stack.slice(start + message.length).split('\n');
  return lines
    .filter(line => FRAME.test(line))
    .map(line => `\n${line}`)
    .join('');
}
