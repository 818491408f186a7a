const PERCENT = '%[0-9A-Fa-f]{2}';
/** What may stand anywhere in a path, but for the slash and the colon. */
const PLAIN = "[A-Za-z0-9\\-._~!$&'()*+,;=@]";
const PATH = `(?:${PLAIN}|[:/]|${PERCENT})*`;
const HOST = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|${PERCENT})*`;
const AUTHORITY = `(?:(?:[A-Za-z0-9\\-._~!$&'()*+,;=:]|${PERCENT})*@)?(?:\\[[0-9A-Fa-f:.]*\\]|${HOST})(?::[0-9]*)?`;
const TAIL = `(?:\\?(?:${PLAIN}|[:/?]|${PERCENT})*)?(?:#(?:${PLAIN}|[:/?]|${PERCENT})*)?`;

const WITH_SCHEME = `[A-Za-z][A-Za-z0-9+.\\-]*:`;
const HIERARCHY = `//${AUTHORITY}(?:/${PATH})?`;

const ABSOLUTE = `${WITH_SCHEME}(?=[^?#])(?:${HIERARCHY}|(?!//)${PATH})${TAIL}`;
/** A relative path may not begin with a segment that has a colon: that would be a scheme. */
const RELATIVE = `(?:${HIERARCHY}|/(?!/)${PATH}|(?:${PLAIN}|${PERCENT})*(?:/${PATH})?)${TAIL}`;

const URI = new RegExp(`^${ABSOLUTE}$`);
const URI_REFERENCE = new RegExp(`^(?:${RELATIVE}|${ABSOLUTE})$`);

/**
 * Whether a text is a URI (RFC 3986, section 3): with a scheme, with something behind it, and nothing that had to be
 * encoded.
 */
export function isUri(text: string): boolean {
  return URI.test(text) && hasRealAddress(text);
}

/** Whether a text is a URI-reference (RFC 3986, section 4.1): a URI, or one relative to another. */
export function isUriReference(text: string): boolean {
  return URI_REFERENCE.test(text) && hasRealAddress(text);
}

/** Brackets are nowhere but around the address of a host. */
function hasRealAddress(text: string): boolean {
  const from = text.indexOf('[');
  return from < 0 || URL.canParse(`http://${text.slice(from, text.indexOf(']') + 1)}`);
}
