import type { KeyObject } from 'node:crypto';
import { computeMac, isMacOf, type SigningKey } from '../signing/index.js';

const ALGORITHM = 'HS256';
const TYPE = 'ticket+jwt';

/** Signs claims as a JSON Web Token with HMAC-SHA256 (RFC 7515, section 3.1). */
export function signToken(claims: object, { id, key }: SigningKey): string {
  const text = `${encode({ alg: ALGORITHM, typ: TYPE, kid: id })}.${encode(claims)}`;
  return `${text}.${computeMac(key, text)}`;
}

/**
 * Returns the claims of a token that `signToken` created with one of the server's keys. The header must be exactly the one
 * that `signToken` writes: any other algorithm, type or extension is rejected.
 *
 * @throws SyntaxError if a part of the token is not JSON
 */
export function readToken(
  token: string,
  keyOf: (id: string) => KeyObject | undefined,
): Record<string, unknown> | undefined {
  const [head = '', body = '', mac = '', ...more] = token.split('.', 4);
  if (more.length > 0) return undefined;
  const { alg, typ, kid, ...others } = decode(head);
  if (alg !== ALGORITHM || typ !== TYPE || typeof kid !== 'string') return undefined;
  if (Object.keys(others).length > 0) return undefined;
  const key = keyOf(kid);
  return key && isMacOf(key, `${head}.${body}`, mac) ? decode(body) : undefined;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
