import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** The encoding of a MAC: 43 characters of base64url without padding, or 64 lower-case hexadecimal digits. */
export type MacEncoding = 'base64url' | 'hex';

/** The input of a MAC: bytes, a text that is encoded as UTF-8, or several parts in order. */
export type MacInput = string | Uint8Array | readonly Uint8Array[];

/** Computes HMAC-SHA256. */
export function computeMac(
  key: KeyObject,
  input: MacInput,
  encoding: MacEncoding = 'base64url',
): string {
  const hmac = createHmac('sha256', key);
  if (Array.isArray(input)) for (const part of input as readonly Uint8Array[]) hmac.update(part);
  else hmac.update(input as string);
  return hmac.digest(encoding);
}

/**
 * Returns whether a MAC belongs to an input, in constant time. It compares the encoded form, so each MAC has one valid
 * spelling: the spare bits of the last character cannot vary.
 */
export function isMacOf(
  key: KeyObject,
  input: MacInput,
  mac: string,
  encoding: MacEncoding = 'base64url',
): boolean {
  const { expected, given } = COMPARED[encoding];
  encoder.encodeInto(computeMac(key, input, encoding), expected);
  // A text with other characters than ASCII has more bytes than characters.
  const fits =
    mac.length === given.length && encoder.encodeInto(mac, given).written === given.length;
  return fits && timingSafeEqual(expected, given);
}

/** Reused buffers for the comparison. */
const COMPARED = {
  base64url: { expected: new Uint8Array(43), given: new Uint8Array(43) },
  hex: { expected: new Uint8Array(64), given: new Uint8Array(64) },
};
const encoder = new TextEncoder();
