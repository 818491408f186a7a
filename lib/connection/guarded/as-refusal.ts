import { errorContext, logOnly, thrown } from '../../monitoring/index.js';
import { RefusalError } from '../../protocol/index.js';
import type { Client } from '../index.js';
import type { ConnectionServices } from './connection-services.js';

/** Returns the refusal that answers an error. An unexpected error is logged and reported, and answered by `INTERNAL`. */
export function asRefusal(
  error: unknown,
  client: Client,
  { logger, errors }: Pick<ConnectionServices, 'logger' | 'errors'>,
): RefusalError {
  if (RefusalError.is(error)) return error;
  logOnly(logger, error);
  errors.report(error, errorContext('internal', client));
  return new RefusalError('INTERNAL', { reason: thrown(error) });
}
