import { isEventId, isPattern } from '../event/index.js';
import { RefusalError, type SubscriptionMembers } from '../protocol/index.js';
import { MAX_CURSOR_LENGTH } from './cursor-seal.js';

/** The estimated memory of a request without its patterns, and of a pattern without its characters, in bytes. */
const REQUEST_OVERHEAD = 512;
const PATTERN_OVERHEAD = 32;

/** A validated subscribe or unsubscribe frame. */
export interface SubscriptionRequest {
  readonly patterns: readonly string[];
  readonly since: string | undefined;
  /** Whether the client requests broadcast signatures. Undefined keeps its current choice. */
  readonly isBroadcast: boolean | undefined;
  /** Whether the client requests only events that are addressed to it. */
  readonly isOwn: boolean;
  /** The id of the request. The answer repeats it. */
  readonly id: string | undefined;
  /** The estimated memory of the waiting request in bytes. */
  readonly weight: number;
}

/**
 * Reads a subscribe or unsubscribe frame.
 *
 * @param maxPatterns the maximum number of patterns in one frame
 * @throws RefusalError `BAD_FRAME`; `FORBIDDEN` for more patterns than a client may have
 */
export function readSubscription(
  frame: SubscriptionMembers,
  maxPatterns: number,
): SubscriptionRequest {
  const { patterns, since, signatures, scope } = frame;
  if (!Array.isArray(patterns) || patterns.length === 0)
    throw new RefusalError('BAD_FRAME', { reason: 'patterns must be a list of patterns' });
  if (patterns.length > maxPatterns) throw tooManyPatterns(maxPatterns);
  // Patterns must be printable like event types, because applications log them.
  if (!patterns.every(pattern => isEventId(pattern) && isPattern(pattern)))
    throw new RefusalError('BAD_FRAME', { reason: 'patterns contains an invalid pattern' });
  if (since !== undefined && (typeof since !== 'string' || since.length > MAX_CURSOR_LENGTH))
    throw new RefusalError('BAD_FRAME', { reason: 'since must be a cursor' });
  if (signatures !== undefined && signatures !== 'v1' && signatures !== 'v1e')
    throw new RefusalError('BAD_FRAME', { reason: "signatures must be 'v1' or 'v1e'" });
  if (scope !== undefined && scope !== 'all' && scope !== 'own')
    throw new RefusalError('BAD_FRAME', { reason: "scope must be 'all' or 'own'" });
  const distinct = [...new Set(patterns as string[])];
  return {
    patterns: distinct,
    since,
    isBroadcast: signatures === undefined ? undefined : signatures === 'v1e',
    isOwn: scope === 'own',
    id: requestIdOf(frame),
    weight: distinct.reduce(
      // V8 stores up to two bytes per character.
      (sum, { length }) => sum + PATTERN_OVERHEAD + 2 * length,
      REQUEST_OVERHEAD,
    ),
  };
}

/** Returns the error for more patterns than `mesh.maxPatterns`. */
export function tooManyPatterns(maxPatterns: number): RefusalError {
  return new RefusalError('FORBIDDEN', { reason: `more than mesh.maxPatterns (${maxPatterns})` });
}

/** Returns the `id` that the answer to a frame repeats. */
export function requestIdOf({ id }: SubscriptionMembers): string | undefined {
  return isEventId(id) ? id : undefined;
}
