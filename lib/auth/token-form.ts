/** The compact form of a signed token (RFC 7515, section 7.1): header, payload and signature. */
const SIGNED = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** The scheme of an HTTP `Authorization` header. It is not part of the token. */
const BEARER = /^bearer\s/i;
const WRAPPED = /^["'\s]|["'\s]$/;
/** The number of parts of an encrypted token (RFC 7516, section 7.1). */
const ENCRYPTED_PARTS = 5;

/** Texts that a page sends if it stored or converted a value that was no token. */
const NO_TOKENS: ReadonlySet<string> = new Set(['undefined', 'null', '[object Object]']);

/** Returns why a text cannot be a signed JSON Web Token; undefined if it has the form of one. */
export function formProblem(token: string): string | undefined {
  if (SIGNED.test(token)) return undefined;
  if (BEARER.test(token)) return 'the token begins with Bearer';
  if (NO_TOKENS.has(token)) return `the token is the text ${token}`;
  if (WRAPPED.test(token)) return 'the token has quotation marks or white space around it';
  return token.split('.').length === ENCRYPTED_PARTS
    ? 'the token is encrypted, so only its issuer can read it'
    : 'not a JSON Web Token';
}
