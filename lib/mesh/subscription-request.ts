import { isEventId, isPattern } from '../event/index.js';
import { RefusalError, type SubscriptionMembers } from '../protocol/index.js';
import { MAX_CURSOR_LENGTH } from './cursor.js';

export interface SubscriptionRequest {
  readonly patterns: readonly string[];
  readonly since: string | undefined;
  /** Whether the client asks for the signature that is made once for all; undefined for what it has. */
  readonly isBroadcast: boolean | undefined;
  /** Told with the answer, so that the client knows what it answers. */
  readonly id: string | undefined;
}

/**
 * Reads a subscribe or unsubscribe frame.
 *
 * @param maxPatterns patterns at once
 * @throws RefusalError `BAD_FRAME`; `FORBIDDEN` for more patterns than a client may have at all
 */
export function readSubscription(
  frame: SubscriptionMembers,
  maxPatterns: number,
): SubscriptionRequest {
  const { patterns, since, signatures } = frame;
  if (!Array.isArray(patterns) || patterns.length === 0) throw new RefusalError('BAD_FRAME');
  if (patterns.length > maxPatterns) throw new RefusalError('FORBIDDEN');
  // As printable as the types it may match: applications may log what they are asked for.
  if (!patterns.every(pattern => isEventId(pattern) && isPattern(pattern)))
    throw new RefusalError('BAD_FRAME');
  if (since !== undefined && (typeof since !== 'string' || since.length > MAX_CURSOR_LENGTH))
    throw new RefusalError('BAD_FRAME');
  if (signatures !== undefined && signatures !== 'v1' && signatures !== 'v1e')
    throw new RefusalError('BAD_FRAME');
  return {
    patterns: [...new Set(patterns as string[])],
    since,
    isBroadcast: signatures === undefined ? undefined : signatures === 'v1e',
    id: requestIdOf(frame),
  };
}

/** The `id` an answer may name. */
export function requestIdOf({ id }: SubscriptionMembers): string | undefined {
  return isEventId(id) ? id : undefined;
}
