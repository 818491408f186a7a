import { applyDecorators, SetMetadata } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import {
  EVERY_HANDLER,
  GuardRank,
  guardsOf,
  markHandler,
  MESSAGE_MAPPING_METADATA,
  UseRankedGuard,
} from '../handler/index.js';
import { Problems } from '../options/index.js';
import { RateLimitGuard, SharedRateLimitGuard } from './rate-limit.guard.js';
import {
  isShared,
  RATE_LIMIT,
  type RateLimitDecoratorOptions,
  SKIP_RATE_LIMIT,
} from './rate-limit.metadata.js';
import { checkTokenBucket } from './rate-limiter.js';
import { capacityOf, tokenBucket } from './token-bucket.js';

const NAME = '@RateLimit()';

/**
 * Limits how often clients may call a handler, or each handler of a gateway. A limit on a handler replaces the one on its
 * gateway.
 *
 * @throws SemanticEventsConfigError if the limit is invalid
 */
export function RateLimit(options: RateLimitDecoratorOptions): ClassDecorator & MethodDecorator {
  const limit = checked(options);
  return applyDecorators(
    SetMetadata(RATE_LIMIT, limit),
    isShared(limit) ? UseSharedGuard() : UseRankedGuard(GuardRank.RateLimit, RateLimitGuard, NAME),
  );
}

/** Attaches the guard of a shared limit to each handler, because guards of a gateway run before those of its handlers. */
function UseSharedGuard(): ClassDecorator & MethodDecorator {
  const useGuard = UseRankedGuard(GuardRank.SharedRateLimit, SharedRateLimitGuard, NAME);
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (descriptor) {
      useGuard(target, key ?? '', descriptor);
      return;
    }
    const prototype = (target as { prototype: Record<string, unknown> }).prototype;
    for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
      const value = prototype[name];
      if (Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, value as object))
        useGuard(prototype, name, { value });
    }
    // A subclass has this limit, too, but its own handlers have no guard for it.
    markHandler(prototype, EVERY_HANDLER, {
      name: NAME,
      isOn: isLimited,
      isReplacedOn: isLimited,
    });
  };
}

function isLimited(handler: object): boolean {
  const isSkipped = Reflect.getMetadata(SKIP_RATE_LIMIT, handler) === true;
  const ranks = [GuardRank.RateLimit, GuardRank.SharedRateLimit];
  return isSkipped || ranks.some(rank => guardsOf(handler, rank).length > 0);
}

/** Exempts a handler from the limit on its gateway. */
export function SkipRateLimit(): MethodDecorator {
  return SetMetadata(SKIP_RATE_LIMIT, true);
}

function checked(options: RateLimitDecoratorOptions): Readonly<RateLimitDecoratorOptions> {
  const problems = new Problems();
  const path = '@RateLimit';
  if (problems.unknown(path, options, ['rate', 'per', 'burst', 'exact', 'by', 'cost'])) {
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
    problems.add(`${path}: cost`, 'must be at most the burst, or no event can ever pass');
  problems.throwIfAny();
  return Object.freeze({ ...options });
}
