import { createHash, createSecretKey } from 'node:crypto';
import { validateEvent } from '../event/index.js';
import { RefusalError, textOf } from '../protocol/index.js';
import { canonicalize, type Direction, explainSignature, signatureFor } from '../signing/index.js';
import { printable } from './report.js';

export interface Explanation {
  readonly event: unknown;
  readonly key: Uint8Array;
  readonly keyId: string;
  readonly direction: Direction;
}

const ESCAPED = String.raw`canonical text: a \uXXXX from \u007f on stands for that character, which a terminal cannot show: sign the character`;

/**
 * Returns what the server computes for an event: the canonical text, the signed text and the signature. For a signed event
 * it also returns why the server would reject it.
 */
export function explain({ event, key, keyId, direction }: Explanation): {
  lines: string[];
  isValid: boolean;
} {
  try {
    validateEvent(event);
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return { lines: [`the event is invalid: ${textOf(error.reason)}`], isValid: false };
  }
  const { semanticsignature: given, ...unsigned } = event;
  const text = canonicalize(unsigned);
  const signingKey = { id: keyId, key: createSecretKey(key) };
  const expected = signatureFor(unsigned, direction, signingKey);
  const problem =
    given === undefined || given === expected
      ? undefined
      : explainSignature(event, direction, signingKey);
  return {
    lines: [
      `canonical text: ${text}`,
      ...(printable(text) === text ? [] : [ESCAPED]),
      `canonical text: ${Buffer.byteLength(text)} bytes, sha256 ${createHash('sha256').update(text).digest('hex')}`,
      `signed text: v1.${direction}. and the canonical text`,
      `semanticsignature: ${expected}`,
      ...(given === undefined ? [] : [`the signature of the event: ${problem ?? 'matches'}`]),
    ],
    isValid: problem === undefined,
  };
}
