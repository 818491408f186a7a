/** How often a text may have been percent-encoded over before it is refused. */
const MAX_ROUNDS = 8;
/** Stands for a slash that was encoded, and so is part of a name. A lone surrogate: no valid text has one. */
const ENCODED_SLASH = '\ud800';
const NAMES_USER = /^(?:(?:urn:)?user:|[/\ud800]*users[/\ud800]+)/i;
const DOT_SEGMENT = /(?:^|\/)\.\.?(?:[/?#]|$)/;
/** Looked for where they begin only: from each slash on, time would grow with the square of a peer's text. */
const CLOSING_SLASHES = /(?<!\/)\/+$/;
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;

/** The `source` of an event as the most lenient reader would take it; undefined when it is encoded without end. */
export function decodedSource(source: string): string | undefined {
  let text = source.trim();
  if (!text.includes('%')) return withoutDotSegments(text);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const decoded = text.replace(/%2f/gi, ENCODED_SLASH).replace(ESCAPES, decodeEscapes);
    if (decoded === text) return withoutDotSegments(text);
    text = decoded;
  }
  return undefined;
}

/** A decoded source without query, fragment and closing slashes: what it names, whatever of that it means. */
export function resourceOf(decoded: string): string {
  return decoded.replace(/[?#].*$/s, '').replace(CLOSING_SLASHES, '');
}

/** The segments `.` and `..` of its path carried out (RFC 3986, section 5.2.4), also where it is relative. */
function withoutDotSegments(text: string): string {
  if (!DOT_SEGMENT.test(text)) return text;
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/s.exec(text) ?? [];
  const segments: string[] = [];
  for (const segment of path.split('/'))
    if (segment === '..') segments.pop();
    else if (segment !== '.') segments.push(segment);
  return segments.join('/') + rest;
}

/**
 * The id of the user a decoded source names: `user:<id>`, `urn:user:<id>`, `users/<id>` or `/users/<id>`, with or
 * without a path behind it. Undefined when it names none.
 */
export function userNamedBy(decoded: string): string | undefined {
  const prefix = NAMES_USER.exec(decoded);
  if (!prefix) return undefined;
  const [id = ''] = decoded.slice(prefix[0].length).split(/[/?#]/);
  return id.replaceAll(ENCODED_SLASH, '/');
}

function decodeEscapes(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}
