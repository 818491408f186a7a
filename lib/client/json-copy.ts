import { toBase64 } from './bytes.js';

/**
 * Copies a value as JSON represents it. Members that are `undefined` are omitted. An object with `toJSON`, such
 * as a `Date` or `URL`, is replaced by the result of `toJSON()`.
 *
 * @param name the name of the value, for the error message
 * @throws TypeError with the path of a member that JSON would change or lose: NaN, Infinity, a bigint, a
 * function, a symbol, `undefined` in an array, a lone surrogate, a Map, a Set, nested bytes, an invalid Date, a
 * cycle
 */
export function jsonCopy<T>(value: T, name: string): T {
  const paths = new Map<unknown, string>();
  const text = JSON.stringify({ [name]: value }, function (this: unknown, key, member: unknown) {
    const parent = paths.get(this);
    const path = parent ? `${parent}.${key}` : key;
    paths.set(member, path);
    const problem = problemOf(member, this, key);
    if (problem) throw new TypeError(`${path} is ${problem}, which JSON cannot carry`);
    return member;
  });
  return (JSON.parse(text) as Record<string, T>)[name] as T;
}

const JSON_KINDS = ['Object', 'Array', 'String', 'Number', 'Boolean', 'Null'];

/**
 * Returns the kind of a member that JSON cannot represent. @param member its value, or the result of its
 * `toJSON()`
 */
function problemOf(member: unknown, parent: unknown, key: string): string | undefined {
  const original = (parent as Record<string, unknown>)[key];
  if (original instanceof Date && member === null) return 'an invalid Date';
  if (typeof member === 'number' && !Number.isFinite(member)) return String(member);
  // With the flag `u`, only an unpaired surrogate matches. Older versions of Hermes cannot parse `\p{Surrogate}`.
  if (typeof member === 'string' && /[\ud800-\udfff]/u.test(member)) return 'malformed text';
  // Plain objects and class instances are 'Object'. A Map, a Uint8Array and the like have a tag of their own.
  const kind = Object.prototype.toString.call(member).slice(8, -1);
  const isOmitted = member === undefined && !Array.isArray(parent);
  return isOmitted || JSON_KINDS.includes(kind) ? undefined : kind;
}

/**
 * Returns the members that carry the data of an event: `data_base64` for bytes, `data` for everything else.
 *
 * @throws TypeError if JSON cannot represent the data
 */
export function dataMembers(data: unknown): { data?: unknown; data_base64?: string } {
  if (data instanceof ArrayBuffer) return { data_base64: toBase64(new Uint8Array(data)) };
  if (ArrayBuffer.isView(data))
    return { data_base64: toBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) };
  return data === undefined ? {} : { data: jsonCopy(data, 'data') };
}
