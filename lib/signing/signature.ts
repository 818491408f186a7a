import type { SemanticEvent } from '../event/index.js';
import { isCanonicalJson } from './canonical-json.js';
import { canonicalizeWithout } from './canonicalize.js';
import type { SigningKey } from './key-ring.js';
import { computeMac, type MacInput } from './mac.js';

/** Client to server, or server to client: part of the MAC, so that neither can be sent back as the other. */
export type Direction = 'c2s' | 's2c';

const VERSION = 'v1';
/** What comes before the canonical form. */
const PREFIX = { c2s: Buffer.from(macInput('', 'c2s')), s2c: Buffer.from(macInput('', 's2c')) };
const SIGNATURE_NAME = Buffer.from('semanticsignature');
const COMMA = 0x2c;
const SIGNATURE = /^v1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{43}$/;
const MAC_LENGTH = 43;

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
 * What a signature covers, where the JSON an event came in is in canonical form, but for the place of the signature.
 *
 * @param json the JSON of the event in UTF-8, which has been parsed
 * @returns undefined when it is not canonical: the text must be made of the event's value, then
 */
export function receivedInput(json: Uint8Array, direction: Direction): MacInput | undefined {
  const signature = { name: SIGNATURE_NAME, from: 0, to: 0 };
  if (!isCanonicalJson(json, signature) || signature.to === 0) return undefined;
  // A comma goes with it: the one before, but that behind where it comes first.
  let { from, to } = signature;
  if (json[from - 1] === COMMA) from--;
  else if (json[to] === COMMA) to++;
  return [PREFIX[direction], json.subarray(0, from), json.subarray(to)];
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
  if (typeof value !== 'string' || !SIGNATURE.test(value)) return undefined;
  return {
    keyId: value.slice(VERSION.length + 1, -MAC_LENGTH - 1),
    mac: value.slice(-MAC_LENGTH),
  };
}
