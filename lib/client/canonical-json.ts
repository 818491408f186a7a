/**
 * The RFC 8785 (JCS) canonical form of what `JSON.parse` gave: members sorted by UTF-16 code units, no white space,
 * numbers and strings as ECMAScript writes them. The one of `signing/`, which tests hold it against, also takes what is
 * no JSON yet, and is too large for a client.
 *
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
