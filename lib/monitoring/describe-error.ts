import { isInstance } from '../protocol/index.js';
import { safeText } from './safe-text.js';

const MAX_MESSAGE_LENGTH = 500;

/**
 * Returns a member of an error as text; an empty text if the member is not a string or cannot be read. An application may throw
 * any value: `message` may be a getter that throws, and `stack` a list of call sites.
 */
export function errorText(error: unknown, member: 'name' | 'message' | 'stack'): string {
  try {
    const text = (error as Partial<Record<typeof member, unknown>> | null | undefined)?.[member];
    return typeof text === 'string' ? text : '';
  } catch {
    return '';
  }
}

/**
 * Returns the name of an error, or the name of its class if the class sets none, as `WsException` does not. Never throws.
 */
export function errorName(error: unknown): string {
  const name = errorText(error, 'name') || 'Error';
  if (name !== 'Error') return name;
  try {
    const { constructor } = Object(error) as { constructor: unknown };
    return (typeof constructor === 'function' && constructor.name) || name;
  } catch {
    return name;
  }
}

/** Returns whether a value is an error. Never throws. */
export function isError(value: unknown): value is Error {
  return isInstance(value, Error);
}

/**
 * Describes a thrown value for the log. Never throws. A client may have chosen parts of the message, because `JSON.parse` quotes
 * its input. So the message is escaped, and cannot imitate log lines.
 */
export function describeError(error: unknown): string {
  if (!isError(error)) return `Not an error, but thrown: ${typeof error}`;
  const head = `${errorText(error, 'name') || 'Error'}: ${errorText(error, 'message')}`;
  const stack = errorText(error, 'stack');
  return (
    safeText(head, MAX_MESSAGE_LENGTH) + (stack.startsWith(head) ? stack.slice(head.length) : '')
  );
}
