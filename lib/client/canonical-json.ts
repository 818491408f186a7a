/**
 * Returns the canonical form of a JSON value (RFC 8785, JCS): members sorted by UTF-16 code units, no white
 * space, numbers and strings as ECMAScript writes them.
 * The server has an implementation of its own, which also accepts values such as dates. Tests compare the two.
 *
 * @param value a value that `JSON.parse` can return
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map(key => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`);
  return `{${members.join(',')}}`;
}
