import { type Code, factsOf } from '../../protocol/index.js';

const POLICY_VIOLATION = 1008;

/** Refusals that count against a connection until it is closed. */
const OFFENCES = new Set<Code>([
  'RATE_LIMITED',
  'INVALID_SIGNATURE',
  'BAD_FRAME',
  'UNAVAILABLE',
  // A client can cause these at will, and the server parses a frame for each.
  'UNKNOWN_EVENT',
  'INVALID_EVENT',
  'FORBIDDEN',
  'REPLAY_DETECTED',
  'EVENT_EXPIRED',
]);

export interface Closing {
  /** A WebSocket close code. */
  readonly close?: number;
  readonly reason: Code;
  /** Whether the refusal alone would not close. */
  readonly isRepeated: boolean;
}

/**
 * Returns how a refusal closes its connection; undefined if it does not.
 *
 * @param strike records an offence, and returns whether it is still forgiven
 */
export function closingOf(
  code: Code,
  isAnonymous: boolean,
  strike: () => boolean,
): Closing | undefined {
  const { closes, close } = factsOf(code);
  if (closes === 'always' || (closes === 'before-authentication' && isAnonymous))
    return { close, reason: code, isRepeated: false };
  if (!OFFENCES.has(code) || strike()) return undefined;
  // Repeated wrong signatures are a policy violation. Other repeated offences are a flood.
  const isRepeated = true;
  if (code === 'INVALID_SIGNATURE') return { close: POLICY_VIOLATION, reason: code, isRepeated };
  if (code === 'UNAVAILABLE') return { close, reason: code, isRepeated };
  return { close: factsOf('RATE_LIMITED').close, reason: 'RATE_LIMITED', isRepeated };
}
