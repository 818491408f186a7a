/** `*` in an allow-list stands for any origin. */
const ANY = '*';
const WILDCARD = /^([a-z][a-z0-9+.-]*:\/\/)\*\.(.+)$/i;

/**
 * Whether a handshake may come from an origin. An entry of the allow-list is an origin (`https://myapp.com`),
 * or an origin with a wildcard for its sub-domains (`https://*.myapp.com`, which is not `https://myapp.com`),
 * or `*`. Scheme and port count. What no browser would send as an origin is refused, and so is `null`.
 *
 * @param origin the `Origin` header; undefined when there is none, as from clients that are not browsers
 * @see https://www.rfc-editor.org/rfc/rfc6454
 */
export function validateOrigin(
  origin: string | undefined,
  allowed: readonly string[],
  { allowNoOrigin = false }: { allowNoOrigin?: boolean } = {},
): boolean {
  if (origin === undefined) return allowNoOrigin;
  if (allowed.includes(ANY)) return true;
  const url = parseOrigin(origin);
  return url !== undefined && allowed.some(entry => matches(url, entry));
}

/** An allow-list entry in the form it is compared in, or undefined when it is none. */
export function normalizeOrigin(entry: string): string | undefined {
  if (entry === ANY) return entry;
  const wildcard = WILDCARD.exec(entry);
  const url = tryParse(wildcard ? `${wildcard[1]}${wildcard[2]}` : entry);
  if (!url || url.origin === 'null' || url.href !== `${url.origin}/` || url.host.includes('*'))
    return undefined;
  return wildcard ? `${url.protocol}//*.${url.host}` : url.origin;
}

function matches(url: URL, entry: string): boolean {
  const wildcard = WILDCARD.exec(entry);
  if (!wildcard) return url.origin === entry;
  const suffix = `.${wildcard[2]}`;
  return (
    `${url.protocol}//` === wildcard[1] &&
    url.host.endsWith(suffix) &&
    url.host.length > suffix.length
  );
}

/** Browsers send the one serialization of an origin; any other spelling did not come from a browser. */
function parseOrigin(origin: string): URL | undefined {
  const url = tryParse(origin);
  return url && url.origin === origin && !url.host.includes(ANY) ? url : undefined;
}

function tryParse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
