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
  const expected = computeMac(key, text, encoding);
  if (mac.length !== expected.length) return false;
  const length = EXPECTED.write(expected);
  // A text that is no ASCII has more bytes than characters.
  if (GIVEN.write(mac) !== length) return false;
  return timingSafeEqual(EXPECTED.subarray(0, length), GIVEN.subarray(0, length));
}

/** Where MACs are compared; one more byte than any has, for a text that is no ASCII to show. */
const EXPECTED = Buffer.alloc(65);
const GIVEN = Buffer.alloc(65);
