/** The maximum depth. Deeper values could exhaust the stack. */
const MAX_DEPTH = 128;

/**
 * Returns the canonical form of a JSON value (RFC 8785, JCS): members sorted by UTF-16 code units, no white space, numbers
 * and strings as ECMAScript writes them. Like `JSON.stringify`, it omits undefined members and calls `toJSON`.
 *
 * @throws TypeError for a value without a canonical form: a number that is not finite, a lone surrogate, a bigint, symbol
 * or function, a promise, an undefined array item, or more than 128 levels
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonicalize(value: unknown): string {
  return write(value, MAX_DEPTH);
}

/** Returns the canonical form of an object without one of its members. */
export function canonicalizeWithout(value: object, omitted: string): string {
  return writeObject(value, MAX_DEPTH, omitted);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeObject(value, depth);
    default:
      throw new TypeError(`A ${typeof value} has no canonical JSON form`);
  }
}

/** Matches strings without a character to escape, which are the most common: printable ASCII. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Returns the canonical form of a string. */
export function writeString(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw new TypeError('A lone surrogate has no canonical JSON form');
  return JSON.stringify(value);
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical JSON form`);
  return String(value);
}

function writeObject(value: object, depth: number, omitted?: string): string {
  if (depth === 0) throw new TypeError(`More than ${MAX_DEPTH} levels have no canonical JSON form`);
  if (hasToJson(value)) return write(value.toJSON(), depth - 1);
  if (Array.isArray(value)) return writeArray(value, depth);
  if (value instanceof Promise) throw unawaited(value);
  if (value instanceof String || value instanceof Number || value instanceof Boolean)
    return write(value.valueOf(), depth - 1);
  const members = value as Record<string, unknown>;
  let text = '';
  for (const key of sortedKeys(members)) {
    const member = members[key];
    if (member === undefined || key === omitted) continue;
    text += (text === '' ? '{' : ',') + nameOf(key) + write(member, depth - 1);
  }
  return text === '' ? '{}' : `${text}}`;
}

/** The written names of members. They are few and occur again with every event. */
const names = new Map<string, string>();
/** Limits of the cache: clients can choose names. */
const MAX_NAMES = 256;
const MAX_NAME_LENGTH = 64;

function nameOf(key: string): string {
  const known = names.get(key);
  if (known) return known;
  const text = writeString(key);
  if (names.size >= MAX_NAMES || key.length > MAX_NAME_LENGTH) return `${text}:`;
  // `join` makes one flat string. Concatenation would make a rope that V8 flattens at each use.
  const name = [text, ':'].join('');
  names.set(key, name);
  return name;
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = '';
  for (let index = 0; index < items.length; index++) {
    if (index > 0) text += ',';
    text += write(items[index], depth - 1);
  }
  return `[${text}]`;
}

/** The maximum length for insertion sort, whose time grows with the square of the length. */
const MAX_INSERTED = 16;

/** Returns the sorted names. For few names insertion sort takes a third of the time of `sort()`. */
function sortedKeys(members: object): string[] {
  const keys = Object.keys(members);
  if (keys.length > MAX_INSERTED) return keys.sort();
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] as string;
    let at = index;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}

/** Returns the error for a promise. Its rejection counts as handled, or it would end the process. */
function unawaited(promise: Promise<unknown>): TypeError {
  promise.catch(() => undefined);
  return new TypeError('A promise has no canonical JSON form: await it');
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
