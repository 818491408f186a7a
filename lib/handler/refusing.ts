import type { ExecutionContext } from '@nestjs/common';
import { RefusalError } from '../protocol/index.js';
import { payloadOf } from './call.js';
import { eventIdOf } from './event-of.js';
import { RefusalException } from './refusal.exception.js';

/** Runs the check of a guard. Converts a rejection to an exception that names the event. */
export function refusing(
  context: ExecutionContext,
  check: () => true | Promise<true>,
): true | Promise<true> {
  const rethrow = (error: unknown): never => {
    if (!RefusalError.is(error)) throw error;
    throw RefusalException.of(error, eventIdOf(payloadOf(context)));
  };
  try {
    const passed = check();
    return passed === true ? passed : passed.catch(rethrow);
  } catch (error) {
    return rethrow(error);
  }
}
