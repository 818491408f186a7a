import type { SemanticEvent } from '../event/index.js';
import { isCanonicalJson } from './canonical-json.js';
import { canonicalizeWithout } from './canonicalize.js';
import type { SigningKey } from './key-ring.js';
import { computeMac, type MacInput } from './mac.js';

/**
 * The direction, client to server or server to client. The MAC covers it, so an event cannot be sent back as one of the
 * other direction.
 */
export type Direction = 'c2s' | 's2c';

const VERSION = 'v1';
/** The prefix of the signed text, before the canonical form. */
const PREFIX = { c2s: Buffer.from(macInput('', 'c2s')), s2c: Buffer.from(macInput('', 's2c')) };
const SIGNATURE_NAME = Buffer.from('semanticsignature');
const COMMA = 0x2c;
const SIGNATURE = /^v1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{43}$/;
const MAC_LENGTH = 43;

/**
 * Returns the text that a signature covers: the version, the direction, and the canonical form of the event without its
 * signature.
 *
 * @throws TypeError if the event has no canonical form
 */
export function signingInput(event: SemanticEvent, direction: Direction): string {
  return macInput(canonicalizeWithout(event, 'semanticsignature'), direction);
}

/** Returns the input of the MAC. @param text the canonical form of an event without its signature */
export function macInput(text: string, direction: Direction): string {
  return `${VERSION}.${direction}.${text}`;
}

/**
 * Returns the signed input of an event whose JSON arrived in canonical form, wherever its signature stands.
 *
 * @param json the JSON of the event in UTF-8; it must have been parsed successfully
 * @returns undefined if the JSON is not canonical: then build the input from the value of the event
 */
export function receivedInput(json: Uint8Array, direction: Direction): MacInput | undefined {
  const signature = { name: SIGNATURE_NAME, from: 0, to: 0 };
  if (!isCanonicalJson(json, signature) || signature.to === 0) return undefined;
  // Cut the comma before the member, too; if the member is the first one, the comma after it.
  let { from, to } = signature;
  if (json[from - 1] === COMMA) from--;
  else if (json[to] === COMMA) to++;
  return [PREFIX[direction], json.subarray(0, from), json.subarray(to)];
}

/**
 * Returns the signed input of a broadcast, to be computed once for all clients. @param text the canonical form of the event
 */
export function broadcastInput(text: string): Uint8Array {
  return Buffer.from(macInput(text, 's2c'), 'utf8');
}

/** @param mac base64url without padding */
export function formatSignature(keyId: string, mac: string): string {
  return `${VERSION}.${keyId}.${mac}`;
}

/**
 * Returns the signature of an event by a key.
 *
 * @throws TypeError if the event has no canonical form
 */
export function signatureFor(event: SemanticEvent, direction: Direction, key: SigningKey): string {
  return formatSignature(key.id, computeMac(key.key, signingInput(event, direction)));
}

/** Returns the parts of a `semanticsignature`; undefined if the value has another form. */
export function parseSignature(value: unknown): { keyId: string; mac: string } | undefined {
  if (typeof value !== 'string' || !SIGNATURE.test(value)) return undefined;
  return {
    keyId: value.slice(VERSION.length + 1, -MAC_LENGTH - 1),
    mac: value.slice(-MAC_LENGTH),
  };
}
