import type { KeyObject } from 'node:crypto';
import { SESSION_KEY_PREFIX } from '../options/index.js';
import { deriveKey } from './derive-key.js';
import type { SigningKey } from './key-ring.js';

const INFO = 'semantic-events/v1/session';

/**
 * Derives the key of one connection from a ring key. A browser can then sign without a server key, and its signatures are
 * invalid on any other connection.
 */
export function deriveSessionKey(ringKey: KeyObject, clientId: string): SigningKey {
  return { id: `${SESSION_KEY_PREFIX}${clientId}`, key: deriveKey(ringKey, clientId, INFO) };
}
