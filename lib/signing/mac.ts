import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** HMAC-SHA256 over bytes, or the UTF-8 bytes of a text, as base64url without padding: 43 characters. */
export function computeMac(key: KeyObject, input: string | Uint8Array): string {
  return createHmac('sha256', key).update(input).digest('base64url');
}

/**
 * Whether a MAC is the one of a text, in a time that does not tell where it differs. Comparing the encoded
 * form leaves one spelling only: the spare bits of the last character cannot be varied.
 */
export function isMacOf(key: KeyObject, text: string, mac: string): boolean {
  const expected = Buffer.from(computeMac(key, text), 'latin1');
  const given = Buffer.from(mac, 'latin1');
  return expected.length === given.length && timingSafeEqual(expected, given);
}
