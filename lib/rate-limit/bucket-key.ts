import { createHash } from 'node:crypto';

/** Keys longer than this are kept as their digest. */
const MAX_KEY_LENGTH = 256;

/** A key as stores get it: of bounded length, whatever a peer put into it. */
export function boundedKey(key: string): string {
  return key.length <= MAX_KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64url');
}
