import { toBase64Url } from './bytes.js';
import { platform, type SubtleCrypto } from './platform.js';

/**
 * The cryptography that the client needs. Pass your own where WebCrypto is missing, for example in React
 * Native.
 */
export interface ClientCrypto {
  /** Returns unpredictable bytes. */
  randomBytes(length: number): Uint8Array;
  /** Computes HMAC-SHA256 (RFC 2104). */
  hmac(key: Uint8Array, message: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /**
   * Verifies an Ed25519 signature (RFC 8032). If it is missing or throws, the server signs your subscriptions
   * for this connection only.
   */
  verifyEd25519?(
    publicKey: Uint8Array,
    signature: Uint8Array,
    message: Uint8Array,
  ): boolean | Promise<boolean>;
}

/** WebCrypto. It looks up the global object at each call, because the environment may set it late. */
export class WebCrypto implements ClientCrypto {
  /** Imported keys by their bytes: importing a key costs more than signing. */
  readonly #keys = new WeakMap<Uint8Array, Promise<unknown>>();

  randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    platform.crypto?.getRandomValues?.(bytes);
    return bytes;
  }

  async hmac(key: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
    const imported = await this.#import(key, { name: 'HMAC', hash: 'SHA-256' }, 'sign');
    return new Uint8Array(await this.#subtle.sign('HMAC', imported, message));
  }

  async verifyEd25519(
    publicKey: Uint8Array,
    signature: Uint8Array,
    message: Uint8Array,
  ): Promise<boolean> {
    const imported = await this.#import(publicKey, 'Ed25519', 'verify');
    return this.#subtle.verify('Ed25519', imported, signature, message);
  }

  #import(
    key: Uint8Array,
    algorithm: Parameters<SubtleCrypto['importKey']>[2],
    usage: 'sign' | 'verify',
  ): Promise<unknown> {
    const imported =
      this.#keys.get(key) ?? this.#subtle.importKey('raw', key, algorithm, false, [usage]);
    this.#keys.set(key, imported);
    return imported;
  }

  get #subtle(): SubtleCrypto {
    // `connect()` reports a missing `crypto.subtle`.
    return platform.crypto?.subtle as SubtleCrypto;
  }
}

/** Creates an id or a nonce: 128 random bits as 22 characters of `A-Z a-z 0-9 _ -`. */
export function randomId(crypto: ClientCrypto): string {
  return toBase64Url(crypto.randomBytes(16));
}
