/** `*` in an allow-list stands for any origin. */
const ANY = '*';
const WILDCARD = /^([a-z][a-z0-9+.-]*:\/\/)\*\.(.+)$/i;

/**
 * An origin of an app or a browser extension, such as `capacitor://localhost`: a scheme of its own, a host, perhaps a port.
 * URL parsers know no origin of such a scheme, so it is compared as text.
 */
const APP_ORIGIN =
  /^(?!(?:https?|wss?|ftp|file|blob|data|about|javascript):)[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9._-]+(?::[0-9]{1,5})?$/;

/**
 * Returns whether a handshake may come from an origin. An entry of the allow-list is an origin (`https://myapp.com`),
 * or an origin with a wildcard for its sub-domains (`https://*.myapp.com`, which is not `https://myapp.com`),
 * or the origin of an app (`capacitor://localhost`, exactly), or `*`. Scheme and port count. It rejects `null`, and any value that no browser sends as an origin.
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
  if (APP_ORIGIN.test(origin)) return allowed.includes(origin);
  const url = parseOrigin(origin);
  return url !== undefined && allowed.some(entry => matches(url, entry));
}

/** Returns the normal form of an allow-list entry, or undefined if it is invalid. */
export function normalizeOrigin(entry: string): string | undefined {
  if (entry === ANY || APP_ORIGIN.test(entry)) return entry;
  const wildcard = WILDCARD.exec(entry);
  const url = tryParse(wildcard ? `${wildcard[1]}${wildcard[2]}` : entry);
  // An opaque origin is `null`, which is not the beginning of a URL.
  if (!url || url.href !== `${url.origin}/` || url.host.includes(ANY)) return undefined;
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

/** Browsers send an origin in its one serialization: any other spelling does not come from a browser. */
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
