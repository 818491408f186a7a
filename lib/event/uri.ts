const PERCENT = '%[0-9A-Fa-f]{2}';
/** The characters allowed anywhere in a path, except slash and colon. */
const PLAIN = "[A-Za-z0-9\\-._~!$&'()*+,;=@]";
const PATH = `(?:${PLAIN}|[:/]|${PERCENT})*`;
const HOST = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|${PERCENT})*`;
const AUTHORITY = `(?:(?:[A-Za-z0-9\\-._~!$&'()*+,;=:]|${PERCENT})*@)?(?:\\[[0-9A-Fa-f:.]*\\]|${HOST})(?::[0-9]*)?`;
const TAIL = `(?:\\?(?:${PLAIN}|[:/?]|${PERCENT})*)?(?:#(?:${PLAIN}|[:/?]|${PERCENT})*)?`;

const WITH_SCHEME = `[A-Za-z][A-Za-z0-9+.\\-]*:`;
const HIERARCHY = `//${AUTHORITY}(?:/${PATH})?`;

const ABSOLUTE = `${WITH_SCHEME}(?=[^?#])(?:${HIERARCHY}|(?!//)${PATH})${TAIL}`;
/** A relative path must not begin with a segment that contains a colon: that would be a scheme. */
const RELATIVE = `(?:${HIERARCHY}|/(?!/)${PATH}|(?:${PLAIN}|${PERCENT})*(?:/${PATH})?)${TAIL}`;

const URI = new RegExp(`^${ABSOLUTE}$`);
const URI_REFERENCE = new RegExp(`^(?:${RELATIVE}|${ABSOLUTE})$`);

/**
 * Returns whether a text is a URI (RFC 3986, section 3): a scheme, something behind it, and no character that must be
 * percent-encoded.
 */
export function isUri(text: string): boolean {
  return URI.test(text) && hasRealAddress(text);
}

/** Returns whether a text is a URI reference (RFC 3986, section 4.1): a URI, or a relative reference. */
export function isUriReference(text: string): boolean {
  return URI_REFERENCE.test(text) && hasRealAddress(text);
}

/** Brackets are only allowed around the IPv6 address of a host. */
function hasRealAddress(text: string): boolean {
  const from = text.indexOf('[');
  return from < 0 || URL.canParse(`http://${text.slice(from, text.indexOf(']') + 1)}`);
}
