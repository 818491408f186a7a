import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { GatewayMetadata } from '@nestjs/websockets';
import { addressGroup, type Client, clientOf } from '../connection/index.js';
import {
  GATEWAY_OPTIONS,
  GuardRank,
  hasGuard,
  MESSAGE_METADATA,
  messageOf,
  perHandler,
  refusing,
  socketOf,
} from '../handler/index.js';
import { after, ignoreRejections } from '../maybe-promise.js';
import { addressBuckets, type BucketKey } from './bucket-key.js';
import {
  isShared,
  RATE_LIMIT,
  type RateLimitDecoratorOptions,
  SKIP_RATE_LIMIT,
} from './rate-limit.metadata.js';
import { RateLimiter } from './rate-limiter.js';
import { passOrRefuse, type PendingDecision } from './token-bucket.js';

const pending = new WeakMap<ExecutionContext, PendingDecision>();

/** Returns the pending decision of `RateLimitGuard`. The guard of `@SignedEvent` waits for it. */
export function pendingDecisionOf(context: ExecutionContext): PendingDecision | undefined {
  return pending.get(context);
}

/** Calls that were already charged: with a limit on both the gateway and the handler, the guard runs twice. */
const charged = new WeakSet<ExecutionContext>();

/** Enforces `@RateLimit`. Override `limitOf`, `keyOf` or `costOf` to change the decision. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly runsTwice = perHandler(
    context =>
      hasRateLimit(context.getHandler(), GuardRank.RateLimit, GuardRank.SharedRateLimit) &&
      hasRateLimit(context.getClass(), GuardRank.RateLimit, GuardRank.SharedRateLimit),
  );

  private readonly hasSharedGuard = perHandler(context =>
    hasRateLimit(context.getHandler(), GuardRank.SharedRateLimit),
  );

  private readonly nameOf = perHandler(context => {
    const gateway = context.getClass();
    // Two versions of a gateway may have the same class name.
    const at = this.reflector.get<GatewayMetadata | undefined>(GATEWAY_OPTIONS, gateway);
    // A decorator may put a function without a name in the place of the method.
    const handler = context.getHandler();
    const message = this.reflector.get<unknown>(MESSAGE_METADATA, handler);
    return [gateway.name, handler.name, message, at?.path, at?.namespace, ''].join(':');
  });

  private readonly decoratedLimitOf = perHandler(context => {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.get<true | undefined>(SKIP_RATE_LIMIT, context.getHandler()))
      return undefined;
    return this.reflector.getAllAndOverride<RateLimitDecoratorOptions | undefined>(
      RATE_LIMIT,
      targets,
    );
  });

  constructor(
    private readonly limiter: RateLimiter,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const limit = this.limitOf(context);
    if (!limit || this.isLeftToOther(context, limit) || this.isCharged(context)) return true;
    return refusing(context, () => {
      const buckets = this.bucketsOf(context, limit);
      const cost = this.costOf(context, limit);
      if (buckets.length > 1)
        return after(this.limiter.takeAll(buckets, limit, cost), passOrRefuse);
      const decision = this.limiter.begin(buckets[0], limit, cost);
      if (!('decided' in decision)) {
        if (!decision.allowed) this.noteSpent(context, limit, decision.retryAfter);
        return passOrRefuse(decision);
      }
      return this.defer(decision, context) ? true : decision.decided.then(passOrRefuse);
    });
  }

  /**
   * Returns whether the other guard charges the limit: one guard is for limits that several clients share, one for the
   * rest.
   */
  private isLeftToOther(context: ExecutionContext, limit: RateLimitDecoratorOptions): boolean {
    if (this.constructor === SharedRateLimitGuard) return !isShared(limit);
    return this.constructor === RateLimitGuard && isShared(limit) && this.hasSharedGuard(context);
  }

  /** Records that the limit is used up. It does nothing if the application limits by anything but the client's identity. */
  private noteSpent(
    context: ExecutionContext,
    { by }: RateLimitDecoratorOptions,
    retryAfter: number,
  ): void {
    const message = messageOf(context);
    if (typeof by === 'function' || !isOwn(this)) return;
    if (typeof message === 'string')
      this.limiter.spent.note(clientOf(socketOf(context)), message, retryAfter);
  }

  /** Returns whether a call was already charged, and marks it as charged. */
  private isCharged(context: ExecutionContext): boolean {
    // An application may attach its own subclass any number of times.
    if (isOwn(this) && !this.runsTwice(context)) return false;
    if (charged.has(context)) return true;
    charged.add(context);
    return false;
  }

  /** Leaves a pending decision to the guard of `@SignedEvent`, if that guard is next. */
  private defer(decision: PendingDecision, context: ExecutionContext): boolean {
    if (this.constructor === SharedRateLimitGuard) return false;
    if (!hasGuard(context.getHandler(), GuardRank.Signature)) return false;
    // If an earlier guard rejects the event, no code waits for the decision.
    decision.decided.catch(() => undefined);
    pending.set(context, decision);
    return true;
  }

  protected limitOf(context: ExecutionContext): RateLimitDecoratorOptions | undefined {
    return this.decoratedLimitOf(context);
  }

  protected keyOf(context: ExecutionContext, limit: RateLimitDecoratorOptions): string {
    return this.nameOf(context) + this.subjectOf(context, limit);
  }

  protected costOf(_context: ExecutionContext, limit: RateLimitDecoratorOptions): number {
    return limit.cost ?? 1;
  }

  /**
   * Returns the buckets, the narrowest first. A key that a client can choose counts against the share of its user or
   * address.
   */
  private bucketsOf(
    context: ExecutionContext,
    limit: RateLimitDecoratorOptions,
  ): [BucketKey, ...BucketKey[]] {
    const client = clientOf(socketOf(context));
    const { by = 'user' } = limit;
    const key = this.keyOf(context, limit);
    const isOverridden = this.keyOf !== RateLimitGuard.prototype.keyOf;
    if (isOverridden || by === 'client' || typeof by === 'function')
      return [{ table: 'handlers', key, owner: ownerOf(client) }];
    return by === 'user' && client.user
      ? [{ table: 'handlers', key }]
      : addressBuckets('handlers', this.nameOf(context), client.address);
  }

  private subjectOf(context: ExecutionContext, { by = 'user' }: RateLimitDecoratorOptions): string {
    const client = clientOf(socketOf(context));
    if (typeof by === 'function') return customSubject(by(client, context), client);
    if (by === 'client') return `client:${client.id}`;
    return by === 'user' ? ownerOf(client) : addressOf(client);
  }
}

/**
 * Enforces a limit that several clients share. It runs after signature and authorization, so a client without the right
 * cannot use up the limit.
 */
@Injectable()
export class SharedRateLimitGuard extends RateLimitGuard {}

/**
 * Returns the part of a key that a function of the application chose. Without a choice a client is on its own: clients that the
 * function did not tell apart must not share a bucket.
 *
 * @throws TypeError for a value that is not a key, such as a promise
 */
function customSubject(chosen: unknown, client: Client): string {
  if (typeof chosen === 'string' || typeof chosen === 'number') return `custom:${chosen}`;
  if (chosen === undefined || chosen === null) return ownerOf(client);
  ignoreRejections(chosen);
  throw new TypeError(`by of @RateLimit must return a string, not a ${typeof chosen}`);
}

function isOwn({ constructor }: RateLimitGuard): boolean {
  return constructor === RateLimitGuard || constructor === SharedRateLimitGuard;
}

function hasRateLimit(target: object, ...ranks: GuardRank[]): boolean {
  return ranks.some(rank => hasGuard(target, rank));
}

function ownerOf(client: Client): string {
  return client.user ? `user:${client.user.id}` : addressOf(client);
}

function addressOf({ address }: Client): string {
  return `address:${addressGroup(address)}`;
}
