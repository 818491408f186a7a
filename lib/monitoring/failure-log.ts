import type { LoggerService } from '@nestjs/common';
import type { Clock } from '../clock.js';
import { LogLimit } from './log-limit.js';
import { safeText } from './safe-text.js';

const FRAME = /^\s+at /;

/**
 * Logs what fails again and again, at a peer's will: one line per interval, and in it how many got none. What was
 * thrown is told by its name and where it was thrown; its message may hold what the peer has sent, such as a token.
 */
export class FailureLog {
  private readonly limit: LogLimit;

  /** @param interval milliseconds from line to line */
  constructor(
    private readonly logger: Pick<LoggerService, 'error'>,
    private readonly clock: Clock,
    interval: number,
  ) {
    this.limit = new LogLimit(1, interval);
  }

  /** @param subject what has failed: a name of ours */
  tell(subject: string, error: unknown): void {
    const untold = this.limit.take(this.clock.monotonic());
    if (untold === undefined) return;
    const more = untold > 0 ? ` (${untold} more failures since the last line)` : '';
    this.logger.error(`${subject} threw ${nameOf(error)}${more}${framesOf(error)}`);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? safeText(error.name) : `what is no error: ${typeof error}`;
}

function framesOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { stack = '', message } = error;
  const start = stack.indexOf(message);
  if (start < 0) return '';
  const lines = stack.slice(start + message.length).split('\n');
  return lines
    .filter(line => FRAME.test(line))
    .map(line => `\n${line}`)
    .join('');
}
