import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { SigningKeyOptions } from '../options/index.js';
import { deriveKey } from './derive-key.js';

/** The HKDF purpose of fingerprints. A fingerprint identifies a key without its id and reveals nothing about its secret. */
const FINGERPRINT_INFO = 'semantic-events/v1/fingerprint';

/** A key ready for use. Its bytes stay inside the KeyObject, so they cannot reach a log. */
export interface SigningKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** A ring key and the time it is in force, in milliseconds since the Unix epoch, or infinite. */
export interface RingKey extends SigningKey {
  readonly notBefore: number;
  readonly notAfter: number;
}

const fingerprints = new WeakMap<KeyObject, string>();

/** Returns the fingerprint of a key. It is the same for one secret under any id. */
export function fingerprintOf(key: KeyObject): string {
  let fingerprint = fingerprints.get(key);
  if (!fingerprint) {
    fingerprint = deriveKey(key, '', FINGERPRINT_INFO).export().toString('base64url').slice(0, 22);
    fingerprints.set(key, fingerprint);
  }
  return fingerprint;
}

/** Generates a secret: 32 random bytes as 64 hexadecimal digits. */
export function generateSecret(): string {
  return randomBytes(32).toString('hex');
}

/** The keys of the server. The first one in force signs; each one in force verifies. */
export class KeyRing {
  private readonly keys: ReadonlyMap<string, RingKey>;

  constructor(keys: readonly SigningKeyOptions[]) {
    this.keys = new Map(keys.map(key => [key.id, toRingKey(key)]));
  }

  /** Returns all keys, in force or not. */
  list(): RingKey[] {
    return [...this.keys.values()];
  }

  /** Returns the key that signs; undefined if no key is in force. */
  current(now: number): SigningKey | undefined {
    for (const key of this.keys.values()) if (isInForce(key, now)) return key;
    return undefined;
  }

  /** Returns all keys that are in force. */
  inForce(now: number): SigningKey[] {
    return [...this.keys.values()].filter(key => isInForce(key, now));
  }

  /** Returns the key with an id, if it is in force. */
  find(id: string, now: number): SigningKey | undefined {
    const key = this.keys.get(id);
    return key && isInForce(key, now) ? key : undefined;
  }
}

function toRingKey({ id, secret, notBefore, notAfter }: SigningKeyOptions): RingKey {
  return {
    id,
    key: createSecretKey(Buffer.from(secret)),
    notBefore: notBefore?.getTime() ?? -Infinity,
    notAfter: notAfter?.getTime() ?? Infinity,
  };
}

function isInForce(key: RingKey, now: number): boolean {
  return key.notBefore <= now && now <= key.notAfter;
}
