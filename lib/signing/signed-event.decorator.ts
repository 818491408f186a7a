import { applyDecorators, SetMetadata } from '@nestjs/common';
import { GuardRank, UseRankedGuard } from '../handler/index.js';
import { Problems } from '../options/index.js';
import { SIGNED_EVENT, SignedEventGuard, type SignedEventOptions } from './signed-event.guard.js';

/**
 * Lets a handler be called only with a signed event that is new: within its time window, with a signature
 * by a key we accept, and with a nonce never seen before. Goes on methods, so that it can run after the
 * rate limits of gateway and handler: an event refused by those has not used up its nonce.
 *
 * @throws SemanticEventsConfigError when the options make no sense
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
    UseRankedGuard(GuardRank.Signature, SignedEventGuard),
  );
}
