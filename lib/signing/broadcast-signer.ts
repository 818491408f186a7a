import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** The public key that clients verify broadcasts with. */
export interface BroadcastKey {
  readonly id: string;
  /** The 32 bytes of an Ed25519 public key (RFC 8032), as base64url. */
  readonly publicKey: string;
}

const VERSION = 'v1e';

/**
 * Signs a broadcast once for all its receivers. A MAC would not do: every client that can verify a MAC can also create one.
 * The key pair lives as long as the process. Clients receive the public key over their authenticated connection, as they
 * receive their session keys.
 */
@Injectable()
export class BroadcastSigner {
  private pair: (BroadcastKey & { readonly privateKey: KeyObject }) | undefined;

  /** Returns the public key. */
  get key(): BroadcastKey {
    return this.keyPair;
  }

  /**
   * Returns the `semanticsignature` of an event for clients. @param text the canonical form of the event without a
   * signature
   */
  sign(text: string): string {
    const { id, privateKey } = this.keyPair;
    const signature = sign(null, Buffer.from(`${VERSION}.s2c.${text}`, 'utf8'), privateKey);
    return `${VERSION}.${id}.${signature.toString('base64url')}`;
  }

  private get keyPair() {
    return (this.pair ??= newKeyPair());
  }
}

function newKeyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  // The member `x` of a JWK is the raw public key (RFC 8037, section 2).
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { id: `b-${randomUUID()}`, publicKey: x, privateKey };
}
