import type { SemanticEvent } from '../event/semantic-event.js';
import { fromBase64 } from './bytes.js';
import type { ClientCrypto } from './client-crypto.js';
import {
  parseSignature,
  signedBytes,
  signJson,
  type SigningKey,
  verifyEvent,
} from './event-signature.js';

/** `signing` of `auth_success`, as PROTOCOL.md defines it. */
export interface SigningFrame {
  key_id: string;
  key: string;
  broadcast?: { scheme: string; key_id: string; public_key: string };
}

/**
 * The keys of one connection: one that signs and verifies, and one that verifies events signed for all
 * subscribers.
 */
export class SessionKeys {
  readonly #crypto: ClientCrypto;
  readonly #session: SigningKey;
  readonly #broadcast: SigningKey | undefined;

  private constructor(crypto: ClientCrypto, session: SigningKey, broadcast?: SigningKey) {
    this.#crypto = crypto;
    this.#session = session;
    this.#broadcast = broadcast;
  }

  /** @throws TypeError for a key that is not base64url */
  static async from(crypto: ClientCrypto, frame: SigningFrame): Promise<SessionKeys> {
    const { key_id: id, key, broadcast } = frame;
    const session = { id, bytes: fromBase64(key) };
    if (broadcast?.scheme !== 'v1e') return new SessionKeys(crypto, session);
    const bytes = fromBase64(broadcast.public_key);
    try {
      // Some environments lack Ed25519. Only a verification shows it.
      await crypto.verifyEd25519?.(bytes, new Uint8Array(64), bytes);
    } catch {
      return new SessionKeys(crypto, session);
    }
    return new SessionKeys(crypto, session, { id: broadcast.key_id, bytes });
  }

  /** Returns whether it can verify events that are signed once for all subscribers. */
  get canVerifyBroadcasts(): boolean {
    return this.#broadcast !== undefined && this.#crypto.verifyEd25519 !== undefined;
  }

  sign(event: SemanticEvent): Promise<SemanticEvent> {
    return signJson(event, this.#session, 'c2s', this.#crypto);
  }

  /**
   * Returns whether an event was signed by the server.
   *
   * @param isDelivery whether it was sent to a subscription: only such events may be signed for all subscribers
   * at once
   * @throws an error if the event cannot be parsed
   */
  async verify(event: SemanticEvent, isDelivery: boolean): Promise<boolean> {
    const { scheme, keyId, mac } = parseSignature(event.semanticsignature);
    const [key, crypto] = [this.#broadcast, this.#crypto];
    if (scheme === 'v1' || !isDelivery) return verifyEvent(event, this.#session, { crypto });
    return (
      keyId === key?.id &&
      (await crypto.verifyEd25519?.(key.bytes, mac, signedBytes(scheme, 's2c', event))) === true
    );
  }
}
