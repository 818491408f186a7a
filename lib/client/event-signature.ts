import type { SemanticEvent } from '../event/semantic-event.js';
import { areEqual, fromBase64, toBase64Url, utf8 } from './bytes.js';
import { canonicalJson } from './canonical-json.js';
import { type ClientCrypto, WebCrypto } from './client-crypto.js';
import { jsonCopy } from './json-copy.js';

/** `c2s` for events of a client, `s2c` for events of the server. */
export type Direction = 'c2s' | 's2c';

/** A key for `v1` signatures: the session key of a connection, or a key of the server's key ring. */
export interface SigningKey {
  /** The key id in signatures: `signing.key_id` of `auth_success`, or the id in the key ring. */
  readonly id: string;
  /**
   * The bytes of the key. `signing.key` of `auth_success` is their base64url form; for a ring key they are the
   * secret in UTF-8.
   */
  readonly bytes: Uint8Array;
}

export interface SignatureOptions {
  direction?: Direction;
  /** @default WebCrypto */
  crypto?: ClientCrypto;
}

interface SignatureParts {
  readonly scheme: string;
  readonly keyId: string;
  readonly mac: Uint8Array;
}

const SIGNATURE = /^(v1e?)\.([\w-]{1,64})\.([\w-]+)$/;

/** Splits a `semanticsignature` into its parts. All parts are empty if the value is not a signature. */
export function parseSignature(signature: unknown): SignatureParts {
  const [, scheme = '', keyId = '', mac = ''] =
    SIGNATURE.exec(typeof signature === 'string' ? signature : '') ?? [];
  return { scheme, keyId, mac: fromBase64(mac) };
}

/**
 * Returns the bytes that a signature covers: the scheme, the direction and all attributes except the signature.
 */
export function signedBytes(
  scheme: string,
  direction: Direction,
  event: SemanticEvent,
): Uint8Array {
  const { semanticsignature: _, ...signed } = event;
  return utf8(`${scheme}.${direction}.${canonicalJson(signed)}`);
}

/**
 * Returns the event with its signature. The event needs `time` and `semanticnonce`: servers reject it without
 * them.
 *
 * @param options `direction` is `c2s` by default
 * @throws TypeError if JSON cannot represent the event
 */
export async function signEvent<E extends SemanticEvent>(
  event: E,
  key: SigningKey,
  { direction = 'c2s', crypto = new WebCrypto() }: SignatureOptions = {},
): Promise<E & { semanticsignature: string }> {
  return signJson(jsonCopy(event, 'event'), key, direction, crypto);
}

/** Signs an event that is already plain JSON. */
export async function signJson<E extends SemanticEvent>(
  event: E,
  { id, bytes }: SigningKey,
  direction: Direction,
  crypto: ClientCrypto,
): Promise<E & { semanticsignature: string }> {
  const mac = await crypto.hmac(bytes, signedBytes('v1', direction, event));
  return { ...event, semanticsignature: `v1.${id}.${toBase64Url(mac)}` };
}

/**
 * Returns whether an event has a valid `v1` signature of a key. It checks neither the time nor the nonce.
 *
 * @param options `direction` is `s2c` by default
 * @throws TypeError if the signature is not base64url
 */
export async function verifyEvent(
  event: SemanticEvent,
  { id, bytes }: SigningKey,
  { direction = 's2c', crypto = new WebCrypto() }: SignatureOptions = {},
): Promise<boolean> {
  const { scheme, keyId, mac } = parseSignature(event.semanticsignature);
  if (scheme !== 'v1' || keyId !== id) return false;
  return areEqual(mac, await crypto.hmac(bytes, signedBytes('v1', direction, event)));
}

/**
 * Returns the canonical form of a value (RFC 8785), which signatures cover.
 *
 * @throws TypeError with the path of a member that JSON cannot represent
 */
export function canonicalize(value: unknown): string {
  return canonicalJson(jsonCopy(value, 'value'));
}
