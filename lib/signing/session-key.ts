import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { SESSION_KEY_PREFIX } from '../options/index.js';
import type { SigningKey } from './key-ring.js';

const INFO = 'semantic-events/v1/session';

/**
 * Derives the key of one connection from a key of the ring (HKDF-SHA256, RFC 5869), so that a browser can
 * sign without ever holding a server key, and what it signs is worth nothing on another connection.
 */
export function deriveSessionKey(ringKey: KeyObject, clientId: string): SigningKey {
  const bytes = hkdfSync('sha256', ringKey, clientId, INFO, 32);
  return { id: `${SESSION_KEY_PREFIX}${clientId}`, key: createSecretKey(new Uint8Array(bytes)) };
}
