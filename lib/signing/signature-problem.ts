import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { SemanticEvent } from '../event/index.js';
import { SESSION_KEY_PREFIX } from '../options/index.js';
import { canonicalizeWithout } from './canonicalize.js';
import { isMacOf } from './mac.js';
import type { SigningKey } from './key-ring.js';
import { type Direction, macInput, parseSignature } from './signature.js';
import type { AcceptedKeys } from './signing-keys.js';

const HEX_MAC = /^[0-9a-f]{64}$/i;

const SIGNERS: Record<Direction, string> = { c2s: 'a client', s2c: 'the server' };

/** The number of hash digits to show: enough to compare two texts by eye. */
const SHOWN_DIGITS = 16;

/** Returns why a `semanticsignature` cannot be parsed. */
export function formProblem(signature: unknown): string {
  if (signature === undefined || signature === null) return 'semanticsignature is missing';
  const form = 'v1.<key id>.<43 characters of base64url>';
  if (typeof signature !== 'string') return `semanticsignature must be a string: ${form}`;
  if (HEX_MAC.test(signature))
    return `semanticsignature is 64 hexadecimal digits and must be ${form}; signing.accept has no 'integradio'`;
  if (signature.startsWith('v1e.')) return 'v1e is for events of the server: sign with v1';
  const [version, , mac = ''] = signature.split('.');
  if (version === 'v1' && /[+/=]/.test(mac))
    return 'the MAC is base64 and must be base64url without padding';
  return `semanticsignature must be ${form}`;
}

/** Returns why a key id is not accepted. */
export function keyProblem(id: string, accepted: AcceptedKeys): string {
  const isSession = id.startsWith(SESSION_KEY_PREFIX);
  if (isSession && accepted === 'ring') return 'the handler accepts keys of the ring only';
  if (!isSession && accepted === 'session') return 'the handler accepts the session key only';
  return isSession
    ? `key id "${id}" is the session key of another connection`
    : `key id "${id}" is unknown, or its key is not in force`;
}

/**
 * Returns why a MAC differs. It tries common mistakes of client authors, so that the reason names the mistake.
 *
 * @param key the key with the id that the event names
 */
export function macProblem(
  event: SemanticEvent,
  direction: Direction,
  key: KeyObject,
  mac: string,
): string {
  const text = canonicalizeWithout(event, 'semanticsignature');
  const other = direction === 'c2s' ? 's2c' : 'c2s';
  if (isMacOf(key, macInput(text, other), mac))
    return `direction ${other} where ${direction} was expected (${SIGNERS[other]} signed it)`;
  const { semanticsignature: _, ...unsigned } = event;
  const asSent = JSON.stringify(unsigned);
  if (asSent !== text && isMacOf(key, macInput(asSent, direction), mac))
    return 'the MAC covers the members in the order they were sent: sign the RFC 8785 canonical form';
  if (isMacOf(key, text, mac)) return `the MAC must begin with "v1.${direction}."`;
  for (const encoding of ['base64url', 'hex'] as const) {
    const encoded = createSecretKey(Buffer.from(key.export().toString(encoding)));
    if (isMacOf(encoded, macInput(text, direction), mac))
      return `the key was used as ${encoding} text and must be decoded first`;
  }
  const hash = createHash('sha256').update(text).digest('hex').slice(0, SHOWN_DIGITS);
  return `MAC differs (canonical text: ${Buffer.byteLength(text)} bytes, sha256 ${hash}…)`;
}

/** Returns why the time of an event is not accepted. @param now milliseconds since the Unix epoch */
export function windowProblem(
  time: number,
  now: number,
  { maxAge, clockSkew }: { maxAge: number; clockSkew: number },
): string {
  const seconds = Math.round((now - time) / 1000);
  return seconds > 0
    ? `time is ${seconds} s old (signing.maxAge is ${maxAge / 1000} s)`
    : `time is ${-seconds} s ahead (signing.clockSkew is ${clockSkew / 1000} s)`;
}

/** Why a signature is not the one of an event by a key that its reader has. */
export function explainSignature(
  event: SemanticEvent,
  direction: Direction,
  { id, key }: SigningKey,
): string {
  const signature = parseSignature(event.semanticsignature);
  if (!signature) return formProblem(event.semanticsignature);
  if (signature.keyId !== id) return `it names the key id "${signature.keyId}", and not "${id}"`;
  return macProblem(event, direction, key, signature.mac);
}
