const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** Deeper texts are not looked at. */
const MAX_DEPTH = 32;
/** Whole numbers of so few digits are written as they are read. */
const MAX_DIGITS = 15;

/**
 * Whether the JSON of an object is written in canonical form (RFC 8785) already: what `canonicalize` would make of its
 * value. In doubt it says no: of strings with escapes, and of numbers that are not whole.
 *
 * @param text JSON that can be parsed
 * @param from where the object begins, behind which nothing but the object may come
 */
export function isCanonicalText(text: string, from: number): boolean {
  if (text.includes('\\')) return false;
  return text.charCodeAt(from) === OPEN_BRACE && endOfObject(text, from, MAX_DEPTH) === text.length;
}

/** Each of these returns where a value ends that begins at a place, or -1 where it is not known to be canonical. */
function endOfValue(text: string, at: number, depth: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first === OPEN_BRACE) return endOfObject(text, at, depth);
  if (first === OPEN_BRACKET) return endOfArray(text, at, depth);
  for (const word of ['true', 'false', 'null'])
    if (text.startsWith(word, at)) return at + word.length;
  return endOfInteger(text, at);
}

function endOfObject(text: string, from: number, depth: number): number {
  if (depth === 0) return -1;
  let at = from + 1;
  if (text.charCodeAt(at) === CLOSE_BRACE) return at + 1;
  let name = '';
  for (;;) {
    const end = text.charCodeAt(at) === QUOTE ? endOfString(text, at) : -1;
    if (end < 0 || text.charCodeAt(end) !== COLON) return -1;
    const next = text.slice(at + 1, end - 1);
    // In order, and none twice.
    if (at !== from + 1 && next <= name) return -1;
    name = next;
    at = endOfValue(text, end + 1, depth - 1);
    if (at < 0) return -1;
    const after = text.charCodeAt(at);
    at++;
    if (after === CLOSE_BRACE) return at;
    if (after !== COMMA) return -1;
  }
}

function endOfArray(text: string, from: number, depth: number): number {
  if (depth === 0) return -1;
  let at = from + 1;
  if (text.charCodeAt(at) === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = endOfValue(text, at, depth - 1);
    if (at < 0) return -1;
    const after = text.charCodeAt(at);
    at++;
    if (after === CLOSE_BRACKET) return at;
    if (after !== COMMA) return -1;
  }
}

function endOfString(text: string, from: number): number {
  return text.indexOf('"', from + 1) + 1 || -1;
}

function endOfInteger(text: string, from: number): number {
  let at = text.charCodeAt(from) === MINUS ? from + 1 : from;
  const first = at;
  while (isDigit(text.charCodeAt(at))) at++;
  const digits = at - first;
  // Neither a zero before other digits, nor a negative one.
  if (text.charCodeAt(first) === ZERO && (digits > 1 || first !== from)) return -1;
  if (digits === 0 || digits > MAX_DIGITS) return -1;
  return at;
}

function isDigit(character: number): boolean {
  return character >= ZERO && character <= NINE;
}
