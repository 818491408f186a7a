import { RefusalException } from '../../lib/handler/index.js';
import { type Code, RefusalError } from '../../lib/protocol/index.js';

/** The code something is refused by, or undefined when it passes. Anything but a refusal is thrown on. */
export function refusalOf(action: () => unknown): Code | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof RefusalError || error instanceof RefusalException) return error.code;
    throw error;
  }
}
