/** The maximum number of rounds of percent-decoding. A text that needs more is rejected. */
const MAX_ROUNDS = 8;
/** Replaces an encoded slash, which is part of a name. Valid text never contains this lone surrogate. */
const ENCODED_SLASH = '\ud800';
const NAMES_USER = /^(?:(?:urn:)?user:|[/\ud800]*users[/\ud800]+)/i;
/**
 * Matches from the first slash only. Otherwise the time would grow with the square of the text length, which a client
 * chooses.
 */
const CLOSING_SLASHES = /(?<!\/)\/+$/;
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;

/**
 * Returns every way that readers may understand the `source` of an event: decoded once, as RFC 3986 says, and decoded again
 * as long as that changes it. Returns undefined if the limit of rounds is reached.
 */
export function readingsOf(source: string): readonly string[] | undefined {
  let text = source.trim();
  if (!text.includes('%')) return [withoutDotSegments(text)];
  const readings: string[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const decoded = text.replace(/%2f/gi, ENCODED_SLASH).replace(ESCAPES, decodeEscapes);
    if (decoded === text && readings.length > 0) return readings;
    readings.push(withoutDotSegments(decoded));
    text = decoded;
  }
  return undefined;
}

/** Returns a decoded source without query, fragment and closing slashes. */
export function resourceOf(decoded: string): string {
  return decoded.replace(/[?#].*$/s, '').replace(CLOSING_SLASHES, '');
}

/** Removes the segments `.` and `..` of a path (RFC 3986, section 5.2.4), also of a relative one. */
function withoutDotSegments(text: string): string {
  const [path = ''] = text.split(/[?#]/, 1);
  const segments: string[] = [];
  for (const segment of path.split('/'))
    if (segment === '..') segments.pop();
    else if (segment !== '.') segments.push(segment);
  return segments.join('/') + text.slice(path.length);
}

/**
 * Returns the id of the user that a decoded source names, or undefined. The forms are `user:<id>`, `urn:user:<id>`,
 * `users/<id>` and `/users/<id>`, with or without a path after them.
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
