import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** How a MAC is written: in 43 characters, without padding, or in 64 lower-case digits. */
export type MacEncoding = 'base64url' | 'hex';

/** HMAC-SHA256 over bytes, or the UTF-8 bytes of a text. */
export function computeMac(
  key: KeyObject,
  input: string | Uint8Array,
  encoding: MacEncoding = 'base64url',
): string {
  return createHmac('sha256', key).update(input).digest(encoding);
}

/**
 * Whether a MAC is the one of a text, in a time that does not tell where it differs. Comparing the encoded
 * form leaves one spelling only: the spare bits of the last character cannot be varied.
 */
export function isMacOf(
  key: KeyObject,
  text: string,
  mac: string,
  encoding?: MacEncoding,
): boolean {
  const expected = Buffer.from(computeMac(key, text, encoding), 'latin1');
  const given = Buffer.from(mac, 'latin1');
  return expected.length === given.length && timingSafeEqual(expected, given);
}
