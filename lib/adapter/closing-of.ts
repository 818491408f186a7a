import { type Code, factsOf } from '../protocol/index.js';

const POLICY_VIOLATION = 1008;

/** Refusals that count against a connection until it is closed. */
const OFFENCES = new Set<Code>(['RATE_LIMITED', 'INVALID_SIGNATURE', 'BAD_FRAME', 'UNAVAILABLE']);

export interface Closing {
  /** A WebSocket close code. */
  readonly close?: number;
  readonly reason: Code;
}

/**
 * How a refusal ends its connection; undefined where it does not.
 *
 * @param strike notes an offence. Returns whether it is still forgiven
 */
export function closingOf(
  code: Code,
  isAnonymous: boolean,
  strike: () => boolean,
): Closing | undefined {
  const { closes, close } = factsOf(code);
  if (closes === 'always' || (closes === 'before-authentication' && isAnonymous))
    return { close, reason: code };
  if (!OFFENCES.has(code) || strike()) return undefined;
  // Wrong signatures break the rules; everything else that is repeated is too much of it.
  if (code === 'INVALID_SIGNATURE') return { close: POLICY_VIOLATION, reason: code };
  if (code === 'UNAVAILABLE') return { close, reason: code };
  return { close: factsOf('RATE_LIMITED').close, reason: 'RATE_LIMITED' };
}
