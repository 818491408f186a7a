import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** What a client verifies broadcasts with. */
export interface BroadcastKey {
  readonly id: string;
  /** The 32 bytes of an Ed25519 public key (RFC 8032), as base64url. */
  readonly publicKey: string;
}

const VERSION = 'v1e';

/**
 * Signs, once for all readers, what the server sends to many. A MAC would have to be made for each of them: who can
 * verify one can make one. The key pair lives as long as the process, and its public half reaches clients over
 * the connection they authenticated on, as their session keys do.
 */
@Injectable()
export class BroadcastSigner {
  private pair: (BroadcastKey & { readonly privateKey: KeyObject }) | undefined;

  /** The public half. */
  get key(): BroadcastKey {
    return this.keyPair;
  }

  /** The `semanticsignature` of an event that goes to clients. @param text its canonical form without one */
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
  // The member x of a JWK is the raw public key (RFC 8037, section 2).
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { id: `b-${randomUUID()}`, publicKey: x, privateKey };
}
