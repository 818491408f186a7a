import type { AuthSuccess } from '../../protocol/index.js';
import type { Client } from '../index.js';
import type { ConnectionServices } from './connection-services.js';

/**
 * Returns the frame that confirms a session, with the keys for signing and verifying.
 *
 * @param expiresAt when the session ends, in milliseconds since the Unix epoch
 * @throws RefusalError `UNAVAILABLE` if no signing key is in force
 */
export function confirmationOf(
  client: Client,
  userId: string,
  expiresAt: number,
  services: ConnectionServices,
): AuthSuccess {
  const { id, key } = services.signer.sessionKeyOf(client);
  return {
    type: 'auth_success',
    client_id: client.id,
    user_id: userId,
    expires_at: new Date(expiresAt).toISOString(),
    signing: {
      scheme: 'v1',
      key_id: id,
      key: key.export().toString('base64url'),
      broadcast: broadcastKey(services),
    },
  };
}

/** Returns the public key for broadcasts; undefined if clients cannot subscribe to any. */
function broadcastKey({ hub, broadcasts }: ConnectionServices) {
  if (!hub.isOpen) return undefined;
  const { id, publicKey } = broadcasts.key;
  return { scheme: 'v1e', key_id: id, public_key: publicKey } as const;
}
