import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { GatewayMetadata } from '@nestjs/websockets';
import { addressGroup, clientOf } from '../connection/index.js';
import {
  GATEWAY_OPTIONS,
  GuardRank,
  hasGuard,
  messageOf,
  perHandler,
  refusing,
  socketOf,
} from '../handler/index.js';
import { boundedKey } from './bucket-key.js';
import {
  RATE_LIMIT,
  type RateLimitDecoratorOptions,
  SKIP_RATE_LIMIT,
} from './rate-limit.metadata.js';
import { RateLimiter } from './rate-limiter.js';
import { passOrRefuse, type PendingDecision } from './token-bucket.js';

const pending = new WeakMap<ExecutionContext, PendingDecision>();

/** The decision that `RateLimitGuard` left to who comes next. */
export function pendingDecisionOf(context: ExecutionContext): PendingDecision | undefined {
  return pending.get(context);
}

/** Enforces `@RateLimit`. Override `limitOf`, `keyOf` or `costOf` to decide differently. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  /** Calls that have been charged: a limit on a gateway and one on its handler bring the guard in twice. */
  private readonly charged = new WeakSet<ExecutionContext>();
  private readonly runsTwice = perHandler(
    context =>
      hasGuard(context.getHandler(), GuardRank.RateLimit) &&
      hasGuard(context.getClass(), GuardRank.RateLimit),
  );

  private readonly nameOf = perHandler(context => {
    const gateway = context.getClass();
    // Two versions of a gateway may have one name.
    const at = this.reflector.get<GatewayMetadata | undefined>(GATEWAY_OPTIONS, gateway);
    return [gateway.name, context.getHandler().name, at?.path, at?.namespace, ''].join(':');
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
    if (!limit || this.isCharged(context)) return true;
    return refusing(context, () => {
      const key = this.keyOf(context, limit);
      const decision = this.limiter.begin(key, limit, this.costOf(context, limit));
      if (!('decided' in decision)) {
        if (!decision.allowed) this.noteSpent(context, limit, decision.retryAfter);
        return passOrRefuse(decision);
      }
      return this.defer(decision, context) ? true : decision.decided.then(passOrRefuse);
    });
  }

  /** Not where an application decides by something else than who the client is. */
  private noteSpent(
    context: ExecutionContext,
    { by }: RateLimitDecoratorOptions,
    retryAfter: number,
  ): void {
    const message = messageOf(context);
    if (typeof by === 'function' || this.constructor !== RateLimitGuard) return;
    if (typeof message === 'string')
      this.limiter.spent.note(clientOf(socketOf(context)), message, retryAfter);
  }

  /** Whether a call has been charged already; from here on it has. */
  private isCharged(context: ExecutionContext): boolean {
    // How often a guard is attached that an application has made of this one, we cannot tell.
    if (this.constructor === RateLimitGuard && !this.runsTwice(context)) return false;
    if (this.charged.has(context)) return true;
    this.charged.add(context);
    return false;
  }

  /**
   * Leaves a decision that is on its way to the guard of `@SignedEvent`, where that comes next: it has something
   * to ask the store for, too, and goes on only if both answers are good.
   */
  private defer(decision: PendingDecision, context: ExecutionContext): boolean {
    if (!hasGuard(context.getHandler(), GuardRank.Signature)) return false;
    // Should the event be refused before, nobody waits for the decision.
    decision.decided.catch(() => undefined);
    pending.set(context, decision);
    return true;
  }

  protected limitOf(context: ExecutionContext): RateLimitDecoratorOptions | undefined {
    return this.decoratedLimitOf(context);
  }

  protected keyOf(context: ExecutionContext, limit: RateLimitDecoratorOptions): string {
    return boundedKey(this.nameOf(context) + this.subjectOf(context, limit));
  }

  protected costOf(_context: ExecutionContext, limit: RateLimitDecoratorOptions): number {
    return limit.cost ?? 1;
  }

  private subjectOf(context: ExecutionContext, { by = 'user' }: RateLimitDecoratorOptions): string {
    const client = clientOf(socketOf(context));
    if (typeof by === 'function') return `custom:${by(client, context)}`;
    if (by === 'client') return `client:${client.id}`;
    return by === 'user' && client.user
      ? `user:${client.user.id}`
      : `address:${addressGroup(client.address)}`;
  }
}
