import type { SemanticEvent } from '../event/index.js';
import { isCanonicalText } from './canonical-text.js';
import { canonicalizeWithout } from './canonicalize.js';
import type { SigningKey } from './key-ring.js';
import { computeMac } from './mac.js';

/** Client to server, or server to client: part of the MAC, so that neither can be sent back as the other. */
export type Direction = 'c2s' | 's2c';

const VERSION = 'v1';
const SIGNATURE_MEMBER = '"semanticsignature":"';
const SIGNATURE = /^v1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})$/;

/**
 * The text a signature covers: version, direction, and the canonical form of the whole event without its signature.
 *
 * @throws TypeError when the event has no canonical form
 */
export function signingInput(event: SemanticEvent, direction: Direction): string {
  return macInput(canonicalizeWithout(event, 'semanticsignature'), direction);
}

/** @param text the canonical form of an event without its signature */
export function macInput(text: string, direction: Direction): string {
  return `${VERSION}.${direction}.${text}`;
}

/**
 * The text a signature covers, where the JSON an event came in is in canonical form, but for the place of the signature.
 *
 * @param text the JSON of the event, which has been parsed
 * @param signature its `semanticsignature`
 * @returns undefined when it is not canonical: the text must be made of the event's value, then
 */
export function receivedInput(
  text: string,
  signature: string,
  direction: Direction,
): string | undefined {
  const at = text.lastIndexOf(SIGNATURE_MEMBER);
  const end = at + SIGNATURE_MEMBER.length + signature.length;
  if (at < 0 || !text.startsWith(signature, end - signature.length) || text[end] !== '"')
    return undefined;
  // A comma goes with it: the one before, but that behind where it comes first.
  const isFirst = text[at - 1] === '{';
  const before = text.slice(0, isFirst ? at : at - 1);
  const behind = text.slice(isFirst ? end + 2 : end + 1);
  const input = macInput(before + behind, direction);
  // Of what is before an object, such as white space, nothing was signed.
  return isCanonicalText(input, macInput('', direction).length) ? input : undefined;
}

/** The bytes that are signed for each of many clients, made once. @param text the canonical form of the event */
export function broadcastInput(text: string): Uint8Array {
  return Buffer.from(macInput(text, 's2c'), 'utf8');
}

/** @param mac base64url without padding */
export function formatSignature(keyId: string, mac: string): string {
  return `${VERSION}.${keyId}.${mac}`;
}

/**
 * The signature of an event by a key.
 *
 * @throws TypeError when the event has no canonical form
 */
export function signatureFor(event: SemanticEvent, direction: Direction, key: SigningKey): string {
  return formatSignature(key.id, computeMac(key.key, signingInput(event, direction)));
}

/** The parts of a `semanticsignature`, or undefined when it is not of that form. */
export function parseSignature(value: unknown): { keyId: string; mac: string } | undefined {
  const match = typeof value === 'string' ? SIGNATURE.exec(value) : null;
  return match ? { keyId: match[1] as string, mac: match[2] as string } : undefined;
}
