import type { LoggerService } from '@nestjs/common';
import { isProduction, type UnexpectedErrorContext } from '../options/index.js';
import { describeError } from './describe-error.js';
import { placeOf } from './failure-log.js';
import { LogLimit } from './log-limit.js';

type ErrorLogger = Pick<LoggerService, 'error' | 'debug'>;

/** The burst of lines, and the milliseconds between further lines. A client may be able to cause errors at will. */
const BURST = 50;
const INTERVAL = 1_000;

const limits = new WeakMap<ErrorLogger, LogLimit>();

/** A receiver of unexpected errors. */
interface ErrorReceiver {
  report(error: unknown, context: UnexpectedErrorContext): void;
}

/** The receiver of each application in this process. */
const receivers = new Set<ErrorReceiver>();

export function reportTo(receiver: ErrorReceiver): void {
  receivers.add(receiver);
}

export function stopReportingTo(receiver: ErrorReceiver): void {
  receivers.delete(receiver);
}

/**
 * Logs an unexpected error with its stack, and reports it to every application in this process. The caller does not know which
 * application it serves. Never throws, even if the application's logger does: no caller could catch it.
 *
 * @param now monotonic milliseconds
 * @param before the start of the line
 * @param source the failed part, for the application
 */
export function logUnexpected(
  logger: ErrorLogger,
  error: unknown,
  now?: number,
  before?: string,
  source = 'internal',
): void {
  logOnly(logger, error, now, before);
  for (const receiver of receivers) receiver.report(error, { source });
}

/**
 * Logs an error by its name and place, without a report to the application. The message may quote event data, so only a debug
 * line has it, and only outside production.
 *
 * @param now monotonic milliseconds
 */
export function logOnly(
  logger: ErrorLogger,
  error: unknown,
  now: number = performance.now(),
  before = 'Unexpected error: ',
): void {
  let limit = limits.get(logger);
  if (!limit) limits.set(logger, (limit = new LogLimit(BURST, INTERVAL)));
  const skipped = limit.take(now);
  if (skipped === undefined) return;
  try {
    const more = skipped > 0 ? ` (and ${skipped} others before)` : '';
    logger.error(before + placeOf(error) + more);
    if (!isProduction()) logger.debug?.(describeError(error));
  } catch {
    // A logger that fails has nowhere to report its own failure.
  }
}
