/** Deeper values are refused rather than risking the stack. */
const MAX_DEPTH = 128;

/**
 * The RFC 8785 (JCS) canonical form of a JSON value: members sorted by UTF-16 code units, no white space,
 * numbers and strings as ECMAScript writes them. Members that are undefined are left out, and `toJSON` is
 * honoured, as by `JSON.stringify`.
 *
 * @throws TypeError for what has no canonical form: a number that is not finite, a lone surrogate, a bigint,
 *   symbol or function, an undefined array item, or more than 128 levels
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonicalize(value: unknown): string {
  return write(value, MAX_DEPTH);
}

/** The canonical form of an object without one of its members. */
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

/** Most strings: printable ASCII with nothing to escape. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** The canonical form of a string. */
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

/** Names of members as they are written: there are few, and they come again with every event. */
const names = new Map<string, string>();
/** More, and longer ones, are not kept: peers can choose them. */
const MAX_NAMES = 256;
const MAX_NAME_LENGTH = 64;

function nameOf(key: string): string {
  const known = names.get(key);
  if (known) return known;
  // Joined, a text is in one piece; added up, it would be put together from its parts each time.
  const name = [writeString(key), ':'].join('');
  if (names.size < MAX_NAMES && key.length <= MAX_NAME_LENGTH) names.set(key, name);
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

/** Longer lists are sorted by V8: by insertion, time grows with the square. */
const MAX_INSERTED = 16;

/** By insertion, which costs a third of `sort` where names are few. */
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

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
