import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { SigningKeyOptions } from '../options/index.js';

/** A key ready for use. Its bytes stay inside the KeyObject, so that no log can show them. */
export interface SigningKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** A key of the ring, in force from one time to another: milliseconds since the Unix epoch, or infinite. */
export interface RingKey extends SigningKey {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A fresh secret: 32 random bytes as 64 hexadecimal digits. */
export function generateSecret(): string {
  return randomBytes(32).toString('hex');
}

/** The server's keys: the first in force signs, every one in force verifies. */
export class KeyRing {
  private readonly keys: ReadonlyMap<string, RingKey>;

  constructor(keys: readonly SigningKeyOptions[]) {
    this.keys = new Map(keys.map(key => [key.id, toRingKey(key)]));
  }

  /** Every key, in force or not. */
  list(): RingKey[] {
    return [...this.keys.values()];
  }

  /** The key to sign with, or undefined when none is in force. */
  current(now: number): SigningKey | undefined {
    for (const key of this.keys.values()) if (isInForce(key, now)) return key;
    return undefined;
  }

  /** Every key that is in force. */
  inForce(now: number): SigningKey[] {
    return [...this.keys.values()].filter(key => isInForce(key, now));
  }

  /** The key of an id, when it is in force. */
  find(id: string, now: number): SigningKey | undefined {
    const key = this.keys.get(id);
    return key && isInForce(key, now) ? key : undefined;
  }
}

function toRingKey({ id, secret, notBefore, notAfter }: SigningKeyOptions): RingKey {
  return {
    id,
    key: createSecretKey(typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret),
    notBefore: notBefore?.getTime() ?? -Infinity,
    notAfter: notAfter?.getTime() ?? Infinity,
  };
}

function isInForce(key: RingKey, now: number): boolean {
  return key.notBefore <= now && now <= key.notAfter;
}
