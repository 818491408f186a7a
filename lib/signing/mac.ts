import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** How a MAC is written: in 43 characters, without padding, or in 64 lower-case digits. */
export type MacEncoding = 'base64url' | 'hex';

/** Bytes, or a text that stands for its UTF-8 bytes; or parts of one input, in their order. */
export type MacInput = string | Uint8Array | readonly Uint8Array[];

/** HMAC-SHA256. */
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
 * Whether a MAC is the one of an input, in a time that does not tell where it differs. Comparing the encoded
 * form leaves one spelling only: the spare bits of the last character cannot be varied.
 */
export function isMacOf(
  key: KeyObject,
  input: MacInput,
  mac: string,
  encoding: MacEncoding = 'base64url',
): boolean {
  const { expected, given } = COMPARED[encoding];
  encoder.encodeInto(computeMac(key, input, encoding), expected);
  // A text that is no ASCII has more bytes than characters.
  const fits =
    mac.length === given.length && encoder.encodeInto(mac, given).written === given.length;
  return fits && timingSafeEqual(expected, given);
}

/** Where MACs are compared. */
const COMPARED = {
  base64url: { expected: new Uint8Array(43), given: new Uint8Array(43) },
  hex: { expected: new Uint8Array(64), given: new Uint8Array(64) },
};
const encoder = new TextEncoder();
