import { errorName } from '../monitoring/index.js';
import type { ClientRejection } from '../protocol/index.js';

/** The maximum number of values in the data that are looked for in a message. */
const MAX_VALUES = 1_000;
/** The minimum length of a value that is replaced within a word. A shorter one is replaced as a whole word only. */
const MIN_WITHIN_WORD = 4;
/** Stands for a value of the data. */
const REPLACED = '…';

/**
 * Returns why an exception of the application rejected a message, for operators: the class of the exception, and its message. The
 * client has received the message. An operator must not read the client's data there, so its values are replaced.
 */
export function rejectionReason(
  exception: unknown,
  { message }: ClientRejection,
  data: unknown,
): string {
  const name = errorName(exception);
  const values = valuesIn(data);
  if (!values) return `${name} was thrown`;
  return `${name}: ${[...values].sort((a, b) => b.length - a.length).reduce(withoutValue, message)}`;
}

function withoutValue(message: string, value: string): string {
  if (!message.toLowerCase().includes(value.toLowerCase())) return message;
  const text = value.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  const word = value.length < MIN_WITHIN_WORD ? String.raw`[\p{L}\p{N}]` : '';
  const pattern = word ? `(?<!${word})${text}(?!${word})` : text;
  return message.replace(new RegExp(pattern, 'giu'), REPLACED);
}

/** Returns the texts and numbers in the data of a message; undefined if there are too many. */
function valuesIn(data: unknown): ReadonlySet<string> | undefined {
  const values = new Set<string>();
  const waiting = [data];
  for (let seen = 0; waiting.length > 0; seen++) {
    const value = waiting.pop();
    if (typeof value === 'object' && value !== null) {
      const members = membersOf(value);
      if (seen + waiting.length + members.length > MAX_VALUES) return undefined;
      waiting.push(...members);
    } else if (typeof value === 'number' || (typeof value === 'string' && value.trim() !== ''))
      values.add(String(value).trim());
  }
  return values;
}

/** Returns the members of an object, except the type of an event: it is the name of the message. */
function membersOf(value: object): unknown[] {
  // The bytes of a Socket.IO message are in no text.
  if (ArrayBuffer.isView(value)) return [];
  if (!('specversion' in value)) return Object.values(value);
  const { type: _type, specversion: _version, ...members } = value as Record<string, unknown>;
  return Object.values(members);
}
