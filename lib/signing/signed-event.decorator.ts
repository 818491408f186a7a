import { applyDecorators, SetMetadata } from '@nestjs/common';
import { GuardRank, UseRankedGuard } from '../handler/index.js';
import { Problems } from '../options/index.js';
import { SIGNED_EVENT, SignedEventGuard, type SignedEventOptions } from './signed-event.guard.js';

/**
 * Requires a signed event that is new: within its time window, with the signature of an accepted key, and with an unused
 * nonce.
 * It decorates methods only, so that it runs after the rate limits of gateway and handler. An event that a rate limit
 * rejects keeps its nonce.
 *
 * @throws SemanticEventsConfigError if an option is invalid
 */
export function SignedEvent(options: SignedEventOptions = {}): MethodDecorator {
  const problems = new Problems();
  if (
    problems.unknown('@SignedEvent', options, ['keys']) &&
    !['session', 'ring', 'any', undefined].includes(options.keys)
  )
    problems.add('@SignedEvent: keys', "must be 'session', 'ring' or 'any'");
  problems.throwIfAny();
  return applyDecorators(
    SetMetadata(SIGNED_EVENT, Object.freeze({ ...options })),
    UseRankedGuard(GuardRank.Signature, SignedEventGuard, '@SignedEvent()'),
  );
}
