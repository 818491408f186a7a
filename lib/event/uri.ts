const PERCENT = '%[0-9A-Fa-f]{2}';
/** What may stand anywhere in a path, but for the slash and the colon. */
const PLAIN = "[A-Za-z0-9\\-._~!$&'()*+,;=@]";
const PATH = `(?:${PLAIN}|[:/]|${PERCENT})*`;
const HOST = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|${PERCENT})*`;
const AUTHORITY = `(?:(?:[A-Za-z0-9\\-._~!$&'()*+,;=:]|${PERCENT})*@)?(?:\\[(?<ipv6>[^\\]]*)\\]|${HOST})(?::[0-9]*)?`;
const TAIL = `(?:\\?(?:${PLAIN}|[:/?]|${PERCENT})*)?(?:#(?:${PLAIN}|[:/?]|${PERCENT})*)?`;

const WITH_SCHEME = `[A-Za-z][A-Za-z0-9+.\\-]*:`;
const HIERARCHY = `//${AUTHORITY}(?:/${PATH})?`;

const ABSOLUTE = new RegExp(`^${WITH_SCHEME}(?=[^?#])(?:${HIERARCHY}|(?!//)${PATH})${TAIL}$`);
/** A relative path may not begin with a segment that has a colon: that would be a scheme. */
const RELATIVE = new RegExp(
  `^(?:${HIERARCHY}|/(?!/)${PATH}|(?:${PLAIN}|${PERCENT})*(?:/${PATH})?)${TAIL}$`,
);

/**
 * Whether a text is a URI (RFC 3986, section 3): with a scheme, with something behind it, and nothing that had to be
 * encoded.
 */
export function isUri(text: string): boolean {
  return matches(ABSOLUTE, text);
}

/** Whether a text is a URI-reference (RFC 3986, section 4.1): a URI, or one relative to another. */
export function isUriReference(text: string): boolean {
  return matches(ABSOLUTE, text) || matches(RELATIVE, text);
}

function matches(form: RegExp, text: string): boolean {
  const match = form.exec(text);
  if (!match) return false;
  const address = match.groups?.ipv6;
  return address === undefined || URL.canParse(`http://[${address}]`);
}
