import { createPublicKey, createSecretKey, KeyObject, type webcrypto } from 'node:crypto';
import { isPem, type JwtKey, MIN_RSA_BITS, MIN_SECRET_BYTES, rsaBitsOf } from '../options/index.js';

/**
 * Returns a key as a public KeyObject, which an HS algorithm cannot use as its secret.
 *
 * @throws TypeError for an RSA key with less than 2048 bits (RFC 7518, section 3.3)
 */
export function asPublicKey(key: JwtKey): KeyObject {
  const publicKey = publicKeyOf(key);
  if ((rsaBitsOf(publicKey) ?? MIN_RSA_BITS) < MIN_RSA_BITS)
    throw new TypeError(`An RSA key must have at least ${MIN_RSA_BITS} bits`);
  return publicKey;
}

function publicKeyOf(key: JwtKey): KeyObject {
  const given = keyObjectOf(key);
  if (given === undefined) return createPublicKey(key as string | Buffer);
  if (given.type === 'secret') throw new TypeError('The key is a secret and must be a public key');
  return given.type === 'private' ? createPublicKey(given) : given;
}

/**
 * Returns the secret for HS algorithms.
 *
 * @throws TypeError for a key of a key pair in any form, because its public half is known to everyone; and for less than 32
 * bytes (RFC 7518, section 3.2)
 */
export function asSecret(key: JwtKey): KeyObject {
  const given = keyObjectOf(key);
  const secret = given ?? createSecretKey(Buffer.from(key as string));
  // A key of a key pair has no symmetric size.
  if ((secret.symmetricKeySize ?? 0) < MIN_SECRET_BYTES)
    throw new TypeError('The secret of an HS algorithm must have at least 32 bytes');
  if (!given && isOfPair(Buffer.from(key as string)))
    throw new TypeError('The secret of an HS algorithm must not be a key of a key pair');
  return secret;
}

/** Returns the KeyObject of a key, if it has one. The key sets of jose return CryptoKeys. */
function keyObjectOf(key: JwtKey): KeyObject | undefined {
  if (key instanceof KeyObject) return key;
  return isCryptoKey(key) ? KeyObject.from(key) : undefined;
}

function isCryptoKey(key: unknown): key is webcrypto.CryptoKey {
  return Object.prototype.toString.call(key) === '[object CryptoKey]';
}

function isOfPair(key: Buffer): boolean {
  if (isPem(key)) return true;
  try {
    createPublicKey({ key, format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}
