import type { LoggerService } from '@nestjs/common';
import { LogLimit } from './log-limit.js';
import { safeText } from './safe-text.js';

type ErrorLogger = Pick<LoggerService, 'error'>;

const MAX_MESSAGE_LENGTH = 500;
/** How many are logged at once, and how often one more is, in milliseconds: a peer may know what to send to cause them. */
const BURST = 50;
const INTERVAL = 1_000;

const limits = new WeakMap<ErrorLogger, LogLimit>();

/**
 * Logs an error that nobody expected, with its stack. What a peer has sent may be in its message, as
 * `JSON.parse` puts it there: that must not look like lines of the log.
 *
 * @param now monotonic milliseconds
 * @param before what the line begins with: a text of ours
 */
export function logUnexpected(
  logger: ErrorLogger,
  error: unknown,
  now: number = performance.now(),
  before = '',
): void {
  let limit = limits.get(logger);
  if (!limit) limits.set(logger, (limit = new LogLimit(BURST, INTERVAL)));
  const untold = limit.take(now);
  if (untold === undefined) return;
  logger.error(before + describe(error) + (untold > 0 ? ` (and ${untold} others before)` : ''));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `Not an error, but thrown: ${typeof error}`;
  const head = `${error.name}: ${error.message}`;
  const stack = error.stack?.startsWith(head) ? error.stack.slice(head.length) : '';
  return safeText(head, MAX_MESSAGE_LENGTH) + stack;
}
