import { type ExactJson, ExactNumber } from './exact-json.js';

/** A JSON value as `JSON.parse` makes it. */
export type PlainJson =
  null | boolean | number | string | readonly PlainJson[] | { readonly [name: string]: PlainJson };

/**
 * Writes JSON like Python's `json.dumps(value, separators=(",", ":"), sort_keys=True)`: members sorted by code point,
 * everything except printable ASCII escaped, exact numbers with their original digits.
 */
export function pythonJson(value: ExactJson | PlainJson): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return writeNumber(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof ExactNumber) return value.digits;
  if (isList(value)) return `[${value.map(pythonJson).join(',')}]`;
  const members = [...(value instanceof Map ? value : Object.entries(value))] as Member[];
  const texts = members
    .sort(([one], [other]) => compareByCodePoint(one, other))
    .map(([name, member]) => `${writeString(name)}:${pythonJson(member)}`);
  return `{${texts.join(',')}}`;
}

type Member = [name: string, value: ExactJson | PlainJson];

function isList(value: object): value is readonly (ExactJson | PlainJson)[] {
  return Array.isArray(value);
}

const ESCAPED = /[^ !#-[\]-~]/g;
const SHORT = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\b', '\\b'],
  ['\f', '\\f'],
]);

function writeString(value: string): string {
  return `"${value.replace(ESCAPED, escape)}"`;
}

/** Escapes one UTF-16 unit. A character beyond the basic plane becomes a pair. */
function escape(unit: string): string {
  return SHORT.get(unit) ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const SMALL_EXPONENT = /e-(\d)$/;

/**
 * Writes a number as Python does after reading it: whole numbers as integers, numbers below 0.0001 with an exponent of two
 * digits.
 */
function writeNumber(value: number): string {
  const text = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return text.replace(SMALL_EXPONENT, 'e-0$1');
}

/** Compares by code point. UTF-16 order differs: it sorts characters beyond the basic plane before U+E000 to U+FFFF. */
function compareByCodePoint(one: string, other: string): number {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at++;
  if (at === one.length || at === other.length) return one.length - other.length;
  // If the strings differ in the second half of a surrogate pair, compare from its first half.
  if (at > 0 && isHighSurrogate(one.charCodeAt(at - 1))) at--;
  const difference = codePointAt(one, at) - codePointAt(other, at);
  return difference === 0 ? codePointAt(one, at + 1) - codePointAt(other, at + 1) : difference;
}

function codePointAt(text: string, at: number): number {
  return text.codePointAt(at) ?? 0;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
