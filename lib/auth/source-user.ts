/** How often a text may have been percent-encoded over before it is refused. */
const MAX_ROUNDS = 8;
/** Stands for a slash that was encoded, and so is part of a name. A lone surrogate: no valid text has one. */
const ENCODED_SLASH = '\ud800';
const NAMES_USER = /^(?:(?:urn:)?user:|[/\ud800]*users[/\ud800]+)/i;
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;

/** The `source` of an event as the most lenient reader would take it; undefined when it is encoded without end. */
export function decodedSource(source: string): string | undefined {
  let text = source.trim();
  if (!text.includes('%')) return text;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const decoded = text.replace(/%2f/gi, ENCODED_SLASH).replace(ESCAPES, decodeEscapes);
    if (decoded === text) return text;
    text = decoded;
  }
  return undefined;
}

/**
 * The id of the user a decoded source names: `user:<id>`, `urn:user:<id>`, `users/<id>` or `/users/<id>`, with or
 * without a path behind it. Undefined when it names none; an id nobody has when it is not clear whom it names.
 */
export function userNamedBy(decoded: string): string | undefined {
  const prefix = NAMES_USER.exec(decoded);
  if (!prefix) return undefined;
  const [id = '', ...path] = decoded.slice(prefix[0].length).split(/[/?#]/);
  // `/users/alice/../bob` is bob to whoever resolves it.
  if (path.some(segment => segment === '..')) return '';
  return id.replaceAll(ENCODED_SLASH, '/');
}

function decodeEscapes(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}
