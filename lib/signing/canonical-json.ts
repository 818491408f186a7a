const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** The maximum depth. Deeper values count as not canonical. */
const MAX_DEPTH = 32;
/**
 * Numbers within these limits are canonical as they are written (ECMA-262, Number::toString): digits in total, and
 * decimals.
 */
const MAX_DIGITS = 15;
const MAX_DECIMALS = 6;
/** From this first byte on, UTF-8 and UTF-16 sort characters differently. */
const OUT_OF_ORDER = 0xee;
/** The length up to which a loop finds the end of a string faster than `indexOf`. */
const SHORT = 64;

/** A member of an object, as a range of its JSON. */
export interface MemberRange {
  readonly name: Uint8Array;
  /** The start of the name and the end of the value; 0 until the member is found. */
  from: number;
  to: number;
}

// This module reads bytes, because V8 must check the kind of a string at each access to a character.

/**
 * Returns whether the JSON of an object is already in the canonical form (RFC 8785) that `canonicalize` returns for its
 * value. It returns false in doubt: for strings with escapes, and for numbers with an exponent or many digits.
 *
 * @param json the JSON of an object in UTF-8; it must have been parsed successfully
 * @param except a member of the object that may be at any position; its range is written here
 */
export function isCanonicalJson(json: Uint8Array, except?: MemberRange): boolean {
  if (json[0] !== OPEN_BRACE || json.includes(BACKSLASH)) return false;
  return endOfObject(json, 0, MAX_DEPTH, except) === json.length;
}

/** Returns where the value that begins at `at` ends, or -1 if it may not be canonical. The functions below do the same. */
function endOfValue(json: Uint8Array, at: number, depth: number): number {
  switch (json[at]) {
    case QUOTE:
      return endOfString(json, at);
    case OPEN_BRACE:
      return endOfObject(json, at, depth);
    case OPEN_BRACKET:
      return endOfArray(json, at, depth);
    default:
      return endOfWord(json, at) || endOfNumber(json, at);
  }
}

function endOfObject(json: Uint8Array, from: number, depth: number, except?: MemberRange): number {
  if (depth === 0) return -1;
  let at = from + 1;
  if (json[at] === CLOSE_BRACE) return at + 1;
  let last = 0;
  for (;;) {
    const name = at;
    const end = json[name] === QUOTE ? endOfString(json, name) : -1;
    if (end < 0 || json[end] !== COLON) return -1;
    at = endOfValue(json, end + 1, depth - 1);
    if (at < 0) return -1;
    if (except && isNamed(json, name, end, except.name)) {
      // The last one of repeated members wins: only the parsed value shows which one that is.
      if (except.to > 0) return -1;
      except.from = name;
      except.to = at;
    } else {
      // Names must be sorted and unique.
      if (last > 0 && !isBefore(json, last, name)) return -1;
      last = name;
    }
    const after = json[at++];
    if (after === CLOSE_BRACE) return at;
    if (after !== COMMA) return -1;
  }
}

function endOfArray(json: Uint8Array, from: number, depth: number): number {
  if (depth === 0) return -1;
  let at = from + 1;
  if (json[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = endOfValue(json, at, depth - 1);
    if (at < 0) return -1;
    const after = json[at++];
    if (after === CLOSE_BRACKET) return at;
    if (after !== COMMA) return -1;
  }
}

function endOfString(json: Uint8Array, from: number): number {
  let at = from + 1;
  for (const limit = at + SHORT; at < limit; at++) if (json[at] === QUOTE) return at + 1;
  return json.indexOf(QUOTE, at) + 1 || -1;
}

const WORDS = ['true', 'false', 'null'].map(word => Buffer.from(word));

/** Returns 0 if no word begins here. */
function endOfWord(json: Uint8Array, at: number): number {
  const first = json[at];
  for (const word of WORDS)
    if (word[0] === first) return startsWith(json, at, word) ? at + word.length : -1;
  return 0;
}

function endOfNumber(json: Uint8Array, from: number): number {
  const first = json[from] === MINUS ? from + 1 : from;
  const point = endOfDigits(json, first);
  const isWhole = json[point] !== POINT;
  const end = isWhole ? point : endOfDigits(json, point + 1);
  const decimals = isWhole ? 0 : end - point - 1;
  const digits = point - first;
  if (digits === 0 || digits + decimals > MAX_DIGITS || decimals > MAX_DECIMALS) return -1;
  // Reject leading zeros, a negative zero, and trailing zeros of decimals.
  if (json[first] === ZERO && (digits > 1 || (isWhole && first !== from))) return -1;
  return isWhole || (decimals > 0 && json[end - 1] !== ZERO) ? end : -1;
}

function endOfDigits(json: Uint8Array, from: number): number {
  let at = from;
  for (let digit = json[at]; digit !== undefined && digit >= ZERO && digit <= NINE;)
    digit = json[++at];
  return at;
}

function isNamed(json: Uint8Array, from: number, end: number, name: Uint8Array): boolean {
  return end - from === name.length + 2 && startsWith(json, from + 1, name);
}

function startsWith(json: Uint8Array, from: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (json[from + at] !== bytes[at]) return false;
  return true;
}

/** Returns whether the string at `one` sorts before the string at `other`, in UTF-16 order. */
function isBefore(json: Uint8Array, one: number, other: number): boolean {
  for (let at = 1; ; at++) {
    const a = json[one + at] as number;
    const b = json[other + at] as number;
    if (a === b) {
      if (a === QUOTE) return false;
    } else {
      if (a === QUOTE || b === QUOTE) return a === QUOTE;
      return a < b && b < OUT_OF_ORDER;
    }
  }
}
