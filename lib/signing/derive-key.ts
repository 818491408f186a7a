import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** Derives a key for one purpose from a ring key (HKDF-SHA256, RFC 5869): 32 bytes. */
export function deriveKey(ringKey: KeyObject, salt: string, info: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', ringKey, salt, info, 32)));
}
