import { RefusalException } from '../../lib/handler/index.js';
import { type Code, RefusalError } from '../../lib/protocol/index.js';

/** Returns the code that an action is rejected with, or undefined if it passes. Other errors are rethrown. */
export function refusalOf(action: () => unknown): Code | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof RefusalError || error instanceof RefusalException) return error.code;
    throw error;
  }
}
