import type { Logger } from '@nestjs/common';
import { logUnexpected } from '../monitoring/index.js';
import { RefusalError } from '../protocol/index.js';

/** What a peer is told of an error: `INTERNAL` where nobody expected it, which is logged. */
export function asRefusal(error: unknown, logger: Logger): RefusalError {
  if (error instanceof RefusalError) return error;
  logUnexpected(logger, error);
  return new RefusalError('INTERNAL');
}
