import { applyDecorators, SetMetadata } from '@nestjs/common';
import { GuardRank, UseRankedGuard } from '../handler/index.js';
import { Problems } from '../options/index.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import {
  RATE_LIMIT,
  type RateLimitDecoratorOptions,
  SKIP_RATE_LIMIT,
} from './rate-limit.metadata.js';
import { checkTokenBucket } from './rate-limiter.js';
import { capacityOf, tokenBucket } from './token-bucket.js';

/**
 * Limits how often a handler, or each handler of a gateway, may be called. A limit on a handler takes the
 * place of one on its gateway.
 *
 * @throws SemanticEventsConfigError when the limit makes no sense
 */
export function RateLimit(options: RateLimitDecoratorOptions): ClassDecorator & MethodDecorator {
  const limit = checked(options);
  return applyDecorators(
    SetMetadata(RATE_LIMIT, limit),
    UseRankedGuard(GuardRank.RateLimit, RateLimitGuard),
  );
}

/** Exempts a handler from the limit on its gateway. */
export function SkipRateLimit(): MethodDecorator {
  return SetMetadata(SKIP_RATE_LIMIT, true);
}

function checked(options: RateLimitDecoratorOptions): Readonly<RateLimitDecoratorOptions> {
  const problems = new Problems();
  const path = '@RateLimit';
  if (problems.unknown(path, options, ['rate', 'per', 'burst', 'by', 'cost'])) {
    checkTokenBucket(path, options, problems);
    if (
      !['client', 'user', 'address', undefined].includes(options.by as string) &&
      typeof options.by !== 'function'
    )
      problems.add(`${path}: by`, "must be 'client', 'user', 'address' or a function");
    problems.positive(`${path}: cost`, options.cost);
  }
  problems.throwIfAny();
  if ((options.cost ?? 1) > capacityOf(tokenBucket(options)))
    problems.add(`${path}: cost`, 'is more than the burst, so that no event could ever pass');
  problems.throwIfAny();
  return Object.freeze({ ...options });
}
